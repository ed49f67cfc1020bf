#include "t/hostile/healthy.hpp"

#include "t/hostile/request.hpp"

namespace hostile {

namespace {

constexpr std::int64_t pause = 3;  // milliseconds between two messages

}  // namespace

Healthy::Healthy(const Front &front, bool tls, Loop &loop)
    : channel_({.port = tls ? front.tls_port : front.port, .number = 0, .tls = tls}),
      loop_(loop),
      random_(tls ? 1 : 0),
      patience_(front.patience),
      said_at_(now_ms()) {
    static constexpr Place calm = {.name = "echo"};
    channel_.send(sim::bytes(right_request(random_, calm, false).text));
    channel_.flush();
    loop_.add(channel_.socket(), EPOLLIN, *this);
}

void Healthy::ready(std::uint32_t) {
    std::string got;
    channel_.receive(got);
    replies_.take(sim::bytes(got));
    channel_.flush();
    const std::string_view echo = std::string_view(replies_.payload()).substr(compared_);
    if (!said_.starts_with(echo)) {
        wrong_ = true;
    } else if (!said_.empty() && echo.size() == said_.size()) {
        compared_ += said_.size();
        echoed_ += said_.size();
        said_.clear();
        heard_at_ = now_ms();
    }
}

void Healthy::tick(std::int64_t now) {
    if (replies_.upgraded() && said_.empty() && now >= heard_at_ + pause) {
        say();
    }
    channel_.flush();
}

void Healthy::say() {
    // The replies keep all that came; a new beginning now and then.
    if (compared_ > 1 << 20) {
        replies_.forget_payload();
        compared_ = 0;
    }
    said_.resize(1 + random_.size(16'000));
    for (char &byte : said_) {
        byte = static_cast<char>(random_.below(256));
    }
    const std::size_t size = said_.size();
    std::string frame = "\x82";
    frame += static_cast<char>(size < 126 ? 0x80U | size : 0xfeU);
    if (size >= 126) {
        frame += static_cast<char>(size >> 8U);
        frame += static_cast<char>(size);
    }
    channel_.send(sim::bytes(frame + std::string(4, '\0') + said_));
    said_at_ = now_ms();
}

std::string Healthy::fault(std::int64_t now) const {
    if (replies_.fault() != nullptr) {
        return replies_.fault();
    }
    if (wrong_) {
        return "the healthy session got other bytes than it sent";
    }
    if (channel_.ended() || replies_.close()) {
        return "the healthy session was ended";
    }
    const bool waits = !replies_.upgraded() || !said_.empty();
    return waits && now > said_at_ + patience_ ? "the healthy session stands still" : "";
}

}  // namespace hostile
