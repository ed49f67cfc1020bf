// A session that keeps to every rule, and looks at every byte that comes back.
#pragma once

#include "t/hostile/channel.hpp"
#include "t/hostile/conversation.hpp"
#include "t/hostile/loop.hpp"

namespace hostile {

class Healthy final : public Watched {
public:
    Healthy(const Front &front, bool tls, Loop &loop);

    void ready(std::uint32_t events) override;
    // Says the next message, if the last one has come back.
    void tick(std::int64_t now);

    // Empty if nothing is wrong.
    [[nodiscard]] std::string fault(std::int64_t now) const;
    [[nodiscard]] std::uint64_t echoed() const { return echoed_; }

private:
    void say();

    Channel channel_;
    Loop &loop_;
    Replies replies_;
    sim::Random random_;
    Milliseconds patience_;
    std::string said_;          // the message whose echo is waited for
    std::size_t compared_ = 0;  // bytes of the replies
    std::uint64_t echoed_ = 0;
    std::int64_t said_at_;
    std::int64_t heard_at_ = 0;
    bool wrong_ = false;
};

}  // namespace hostile
