// What stands behind the gateway: echoes, moody ones, and services that say anything.
#pragma once

#include "t/hostile/loop.hpp"
#include "t/hostile/places.hpp"
#include "t/sim/world.hpp"

#include <memory>
#include <vector>

namespace hostile {

class Backends;

class BackendSession final : public Watched {
public:
    BackendSession(int socket, Service service, std::size_t kind, Loop &loop);
    ~BackendSession();
    BackendSession(const BackendSession &) = delete;
    BackendSession &operator=(const BackendSession &) = delete;

    void ready(std::uint32_t events) override;
    // Goes on after a pause.
    void tick(std::int64_t now);
    [[nodiscard]] bool over() const { return socket_ < 0; }

private:
    void choose_mood();
    void choose_garbage();
    void meet(std::string_view first);
    void read();
    void write();
    void end();
    void flood();
    void close(bool reset);
    void watch();

    int socket_;
    Service service_;
    std::size_t kind_;
    bool introduced_;
    bool heard_ = false;
    bool speaks_http_ = false;
    sim::Random random_;
    Loop &loop_;
    std::uint32_t watched_ = EPOLLIN;
    std::string out_;
    std::size_t written_ = 0;
    std::size_t read_size_ = 65536;
    std::int64_t pause_ = 0;  // milliseconds between two reads
    std::int64_t resume_at_ = 0;
    bool client_ended_ = false;

    // Of garbage: what is done once all of it is said.
    enum class Then : std::uint8_t {
        listen,
        finish,
        close,
        reset,
        ignore,
        finish_and_reset,  // some time later
        flood,             // and not read, for very long
    } then_ = Then::listen;
    bool said_ = false;
    std::int64_t reset_at_ = 0;
    std::size_t flood_left_ = 0;
};

class Backends {
public:
    explicit Backends(Loop &loop);

    // "echo PORT", "moody PORT", "garbage0 PORT" and so on.
    void print_ports() const;
    void tick(std::int64_t now);
    [[nodiscard]] std::size_t open() const { return sessions_.size(); }
    [[nodiscard]] std::size_t accepted() const { return accepted_; }

private:
    struct Listener final : Watched {
        void ready(std::uint32_t events) override;

        Backends *all = nullptr;
        int socket = -1;
        Service service = Service::echo;
        std::size_t kind = 0;
    };

    void listen(Service service, std::size_t kind);

    Loop &loop_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<std::unique_ptr<BackendSession>> sessions_;
    std::size_t accepted_ = 0;
};

}  // namespace hostile
