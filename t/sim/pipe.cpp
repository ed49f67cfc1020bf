#include "t/sim/pipe.hpp"

namespace sim {

std::size_t Pipe::write(std::string_view from) {
    if (reset_ || shut_ || stalls(writes_stall_until_)) {
        return 0;
    }
    const std::size_t room = std::min(this->room(), from.size());
    const std::size_t size = random_.one_in(3) ? room : random_.below(room + 1);
    if (size == 0) {
        return 0;
    }
    written_ += size;
    flying_.push_back({clock_.now + path_.delay, std::string(from.substr(0, size)), false});
    return size;
}

void Pipe::shut() {
    if (!shut_) {
        shut_ = true;
        flying_.push_back({clock_.now + path_.delay, {}, true});
    }
}

std::string Pipe::read(std::size_t most) {
    if (stalls(reads_stall_until_)) {
        return {};
    }
    const std::size_t ready = std::min(most, queue_.size());
    const std::size_t size = random_.one_in(3) ? ready : random_.below(ready + 1);
    std::string taken = queue_.substr(0, size);
    queue_.erase(0, size);
    tick();
    return taken;
}

void Pipe::tick() {
    while (!flying_.empty() && flying_.front().at <= clock_.now) {
        arrive(flying_.front());
        if (!flying_.front().bytes.empty()) {
            break;  // the window is shut
        }
        flying_.pop_front();
    }
    while (!acks_.empty() && acks_.front().at <= clock_.now) {
        acknowledged_ = std::max(acknowledged_, acks_.front().total);
        acks_.pop_front();
        ++changes_;
    }
}

void Pipe::arrive(Segment &segment) {
    const std::size_t room = path_.receive_buffer - std::min(path_.receive_buffer, queue_.size());
    const std::size_t size = std::min(room, segment.bytes.size());
    fin_arrived_ = fin_arrived_ || (segment.fin && segment.bytes.empty());
    if (size != 0) {
        queue_ += segment.bytes.substr(0, size);
        segment.bytes.erase(0, size);
        arrived_ += size;
        acks_.push_back({clock_.now + path_.delay + random_.below(path_.ack_delay + 1), arrived_});
    }
    changes_ += size != 0 || segment.fin ? 1 : 0;
}

std::optional<std::uint64_t> Pipe::next() const {
    std::optional<std::uint64_t> first;
    const auto consider = [&](std::uint64_t at) {
        if (at > clock_.now && at < first.value_or(UINT64_MAX)) {
            first = at;
        }
    };
    if (!flying_.empty()) {
        consider(flying_.front().at);
    }
    if (!acks_.empty()) {
        consider(acks_.front().at);
    }
    consider(writes_stall_until_);
    consider(reads_stall_until_);
    return first;
}

bool Pipe::stalls(std::uint64_t &until) {
    if (clock_.now < until) {
        return true;
    }
    if (random_.one_in(200)) {
        until = clock_.now + random_.size(2'000);
    }
    return clock_.now < until;
}

}  // namespace sim
