// Sockets watched together.
#pragma once

#include <cstdint>
#include <span>

#include <sys/epoll.h>

namespace hostile {

// What is told of its socket.
class Watched {
public:
    virtual void ready(std::uint32_t events) = 0;

protected:
    ~Watched() = default;
};

class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    void add(int socket, std::uint32_t events, Watched &watched);
    void change(int socket, std::uint32_t events, Watched &watched);

    // Waits for at most so many milliseconds, and tells whom it may concern. Who is told must not
    // destroy others.
    void turn(int milliseconds);

private:
    int epoll_;
};

// Time that this process had: what it was kept waiting for a processor is left out, and nobody is
// blamed for it.
[[nodiscard]] std::int64_t now_ms();
// What was left out.
[[nodiscard]] std::int64_t lost_ms();

}  // namespace hostile
