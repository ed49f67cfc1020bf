#include "t/sim/connection.hpp"

namespace sim {

ws::Read Connection::read(std::span<std::uint8_t> to) noexcept {
    const std::string taken = in_.read(to.size());
    wants_bytes_ = taken.empty();
    if (!taken.empty()) {
        std::ranges::copy(bytes(taken), to.begin());
        return {ws::Came::bytes, taken.size()};
    }
    if (in_.readable() != 0 || told_end_) {
        return {ws::Came::later};
    }
    if (in_.ended() || in_.is_reset() || broken_) {
        told_end_ = true;
        return {in_.ended() && !in_.is_reset() ? ws::Came::end : ws::Came::loss};
    }
    return {ws::Came::later};
}

std::size_t Connection::fill_pipe(std::size_t most) noexcept {
    if (random_.one_in(2)) {
        return 0;
    }
    worker_.pipe = in_.read(most);
    return worker_.pipe.size();
}

ws::Written Connection::write(std::span<std::uint8_t> from) noexcept {
    if (out_.is_reset()) {
        return {0, true};
    }
    const std::size_t written = out_.write(text(from));
    wants_room_ = written < from.size();
    return {written};
}

bool Connection::has_event() {
    const std::uint64_t changes = in_.changes() + out_.changes();
    const bool asked = wants_room_ || (wants_bytes_ && readable());
    return std::exchange(seen_, changes) != changes || (asked && random_.one_in(4));
}

ws::Written Connection::drain_pipe(std::size_t size) noexcept {
    if (out_.is_reset()) {
        return {0, true};
    }
    const std::size_t written = out_.write(std::string_view(worker_.pipe).substr(0, size));
    worker_.pipe.erase(0, written);
    wants_room_ = written < size;
    return {written};
}

bool Connection::finish() noexcept {
    wants_room_ = random_.one_in(8);
    if (!wants_room_) {
        out_.shut();
    }
    return !wants_room_;
}

// The kernel may not answer.
std::uint64_t Connection::acknowledged() noexcept {
    told_ = random_.one_in(20) ? told_ : out_.acknowledged();
    return told_;
}

// What was not read makes a reset of the close, in every kernel.
void Connection::close() {
    if (in_.readable() != 0) {
        abort();
    } else {
        out_.shut();
    }
}

void Connection::abort() noexcept {
    out_.reset();
    in_.reset();
}

ws::HeldBuffer *House::lend() noexcept {
    if (poor_ && random_.one_in(4)) {
        was_poor_ = true;
        return nullptr;
    }
    ++lent_;
    const std::size_t capacity = worker_.wrapped.size();
    void *memory = std::malloc(sizeof(ws::HeldBuffer) + capacity);
    return new (memory) ws::HeldBuffer{nullptr, 0, 0, capacity};
}

void House::give_back(ws::HeldBuffer *buffer) noexcept {
    std::free(buffer);
    --lent_;
}

ws::HeldBuffer *House::enlarge(ws::HeldBuffer *buffer) noexcept {
    if (poor_ && random_.one_in(4)) {
        was_poor_ = true;
        return nullptr;
    }
    const std::size_t capacity = 2 * buffer->capacity;
    void *memory = std::realloc(static_cast<void *>(buffer), sizeof(ws::HeldBuffer) + capacity);
    buffer = static_cast<ws::HeldBuffer *>(memory);
    buffer->capacity = capacity;
    return buffer;
}

std::size_t House::empty_pipe(std::span<std::uint8_t> to) noexcept {
    const std::size_t size = std::min(to.size(), worker_.pipe.size());
    std::ranges::copy(bytes(worker_.pipe).first(size), to.begin());
    worker_.pipe.clear();
    return size;
}

void House::tell(ws::Order order, ws::Phase phase) noexcept {
    ++orders_;
    say(name(phase), name(order));
}

void House::tell_phase(ws::Phase from, ws::Phase to) noexcept {
    say(name(from), name(to));
}

void House::say(std::string_view when, std::string_view what) const {
    if (talks) {
        std::printf("%llu: %.*s: %.*s\n", static_cast<unsigned long long>(clock_.now),
                    static_cast<int>(when.size()), when.data(), static_cast<int>(what.size()),
                    what.data());
    }
}

}  // namespace sim
