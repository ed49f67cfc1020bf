#include "t/hostile/loop.hpp"

#include <array>
#include <ctime>

#include <unistd.h>

namespace hostile {

namespace {

constexpr std::int64_t longest_turn = 20;  // milliseconds, for a loop that is not kept waiting

std::int64_t lost;
std::int64_t turned_at;

std::int64_t clock_ms() {
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

void note_turn() {
    const std::int64_t now = clock_ms();
    if (turned_at != 0 && now - turned_at > longest_turn) {
        lost += now - turned_at - longest_turn;
    }
    turned_at = now;
}

}  // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
}

Loop::~Loop() {
    close(epoll_);
}

void Loop::add(int socket, std::uint32_t events, Watched &watched) {
    epoll_event event = {.events = events, .data = {.ptr = &watched}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
}

void Loop::change(int socket, std::uint32_t events, Watched &watched) {
    epoll_event event = {.events = events, .data = {.ptr = &watched}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event);
}

void Loop::turn(int milliseconds) {
    std::array<epoll_event, 512> events;
    const int count =
        epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), milliseconds);
    note_turn();
    for (int i = 0; i < count; ++i) {
        const epoll_event &event = events[static_cast<std::size_t>(i)];
        static_cast<Watched *>(event.data.ptr)->ready(event.events);
    }
}

std::int64_t now_ms() {
    return clock_ms() - lost;
}

std::int64_t lost_ms() {
    return lost;
}

}  // namespace hostile
