// The clients of one run, watched together.
#pragma once

#include "t/bench/client.hpp"

#include <memory>
#include <vector>

namespace bench {

class Crowd {
public:
    Crowd(const Options &options, std::uint32_t events) {
        for (std::size_t i = 0; i < options.connections; ++i) {
            clients_.push_back(std::make_unique<Client>(options));
            poller_.add(clients_.back()->socket(), events, clients_.back().get());
        }
    }

    // Calls serve(client, events) for each one that something happened to.
    template <typename Serve>
    void turn(Serve serve) {
        for (const epoll_event &event : poller_.wait(50)) {
            serve(*static_cast<Client *>(event.data.ptr), event.events);
        }
    }

    void watch(Client &client, std::uint32_t events) {
        poller_.change(client.socket(), events, &client);
    }

    [[nodiscard]] auto begin() const { return clients_.begin(); }
    [[nodiscard]] auto end() const { return clients_.end(); }

private:
    std::vector<std::unique_ptr<Client>> clients_;
    Poller poller_;
};

}  // namespace bench
