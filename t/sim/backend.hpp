// The backend of a simulated run: takes bytes, gives bytes, and may end before or after its peer,
// or vanish in between.
#pragma once

#include "t/sim/client_script.hpp"
#include "t/sim/pipe.hpp"

namespace sim {

class Backend {
public:
    Backend(Random &random, bool text)
        : random_(random),
          turns_left_(random.one_in(6) ? random.size(2'000) : SIZE_MAX),
          ends_first_(random.one_in(3)) {
        const std::size_t size = random.one_in(10) ? random.below(200'000) : random.size(20'000);
        script_ = text ? random_text(random, size) : random_bytes(random, size);
        if (text && random.one_in(5)) {
            script_.insert(random.below(script_.size() + 1), 1, '\xc0');
        }
    }

    void turn(Pipe &from_gateway, Pipe &to_gateway) {
        if (vanished_ || turns_left_-- == 0) {
            vanished_ = true;
            from_gateway.reset();
            to_gateway.reset();
            return;
        }
        received_ += from_gateway.read(random_.size(40'000));
        sent_ += to_gateway.write(std::string_view(script_).substr(sent_));
        if (sent_ == script_.size() && (ends_first_ || from_gateway.ended())) {
            to_gateway.shut();
        }
        done_ = from_gateway.ended();
    }

    // It has got everything, or will get nothing more.
    [[nodiscard]] bool done() const { return done_ || vanished_; }
    [[nodiscard]] bool vanished() const { return vanished_; }
    [[nodiscard]] const std::string &received() const { return received_; }
    [[nodiscard]] const std::string &script() const { return script_; }

private:
    Random &random_;
    std::string script_;
    std::string received_;
    std::size_t sent_ = 0;
    std::size_t turns_left_;  // until it vanishes
    bool ends_first_;
    bool done_ = false;
    bool vanished_ = false;
};

}  // namespace sim
