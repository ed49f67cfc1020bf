// The two sides of a relay and the process around it, as a test wants them.
#pragma once

#include "t/unit/unit.hpp"

#undef fail  // ws::Lane has a member of this name

#include <cstdlib>
#include <deque>
#include <new>
#include <string>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "ngx_ws_filter/ws_relay/endpoint.hpp"
#include "ngx_ws_filter/ws_relay/host.hpp"

namespace unit {

inline constexpr std::size_t unbounded = SIZE_MAX;

// A process with one worker, which counts what it lends.
class ScriptedHost final : public ws::Host {
public:
    explicit ScriptedHost(std::size_t scratch = 1000, std::size_t for_control = 300)
        : received_(scratch, '\0'),
          wrapped_(ws::Session::headroom + scratch + for_control, '\0'),
          scratch_{.received = writable(received_), .wrapped = writable(wrapped_)} {}

    bool has_memory = true;
    std::size_t most_held = 0;  // bytes of the largest buffer, if it is larger than what is lent
    std::size_t lent = 0;
    ws::Answer answer = ws::Answer::sent;
    unsigned comes_back = 0;
    std::string pipe;
    std::string orders;
    std::string told;
    std::string phases;

    [[nodiscard]] const ws::Scratch &scratch() const noexcept override { return scratch_; }
    [[nodiscard]] ws::HeldBuffer *lend() noexcept override {
        if (!has_memory) {
            return nullptr;
        }
        ++lent;
        void *memory = std::malloc(sizeof(ws::HeldBuffer) + wrapped_.size());
        return new (memory) ws::HeldBuffer{nullptr, 0, 0, wrapped_.size()};
    }
    [[nodiscard]] ws::HeldBuffer *enlarge(ws::HeldBuffer *buffer) noexcept override {
        const std::size_t capacity = 2 * buffer->capacity;
        if (capacity > most_held) {
            return nullptr;
        }
        void *memory = std::realloc(static_cast<void *>(buffer), sizeof(*buffer) + capacity);
        buffer = static_cast<ws::HeldBuffer *>(memory);
        buffer->capacity = capacity;
        return buffer;
    }
    void give_back(ws::HeldBuffer *buffer) noexcept override {
        --lent;
        std::free(buffer);
    }
    [[nodiscard]] std::size_t empty_pipe(std::span<std::uint8_t> to) noexcept override {
        const std::size_t size = std::min(to.size(), pipe.size());
        std::ranges::copy(bytes(pipe).first(size), to.begin());
        pipe.clear();
        return size;
    }
    [[nodiscard]] ws::Answer send_answer() noexcept override { return answer; }
    void come_back() noexcept override { ++comes_back; }
    void tell(ws::Order order, ws::Phase) noexcept override {
        orders += std::string(name(order)) + "; ";
    }
    void tell_phase(ws::Phase from, ws::Phase to) noexcept override {
        phases += std::string(name(from)) + " > " + std::string(name(to)) + "; ";
    }
    void tell_ping(ws::Millis silence) noexcept override { add("ping", silence); }
    void tell_pong(ws::Millis round_trip) noexcept override { add("pong", round_trip); }
    void tell_late(ws::Deadline, ws::Millis waited, ws::Millis) noexcept override {
        add("late", waited);
    }

private:
    [[nodiscard]] static std::span<std::uint8_t> writable(std::string &text) {
        return {reinterpret_cast<std::uint8_t *>(text.data()), text.size()};
    }
    void add(std::string_view what, ws::Millis time) {
        told += std::string(what) + ' ' + std::to_string(time) + "; ";
    }

    std::string received_;
    std::string wrapped_;
    ws::Scratch scratch_;
};

// A connection whose peer says what the test has written down, and whose kernel takes as much as
// the test allows.
class ScriptedEndpoint final : public ws::Endpoint {
public:
    explicit ScriptedEndpoint(ScriptedHost &host) : host_(host) {}

    // --- the peer

    ScriptedEndpoint &says(std::string_view bytes) { return add(ws::Came::bytes, bytes); }
    ScriptedEndpoint &says(Bytes bytes) { return says(text(bytes)); }
    ScriptedEndpoint &pauses() { return add(ws::Came::later); }
    ScriptedEndpoint &ends() { return add(ws::Came::end); }
    ScriptedEndpoint &is_cut() { return add(ws::Came::cut); }
    ScriptedEndpoint &is_reset() { return add(ws::Came::loss); }

    bool has_pipe = false;
    bool broken = false;  // behind its end
    bool tells_of_breaks = true;
    bool polled = false;
    bool seems_readable = false;        // although nothing has come
    std::size_t most_read = unbounded;  // at a time
    unsigned reads = 0;
    unsigned discards = 0;

    // --- the kernel

    std::size_t takes = unbounded;    // bytes in all, from now on
    std::size_t at_once = unbounded;  // of one write
    std::size_t wants = unbounded;    // room()
    bool full = false;
    std::size_t most_for_header = unbounded;
    bool loses_writes = false;
    bool loses_pipe = false;
    bool has_room_for_end = true;
    bool exact = true;
    bool all_drained = true;
    std::string written;
    std::uint64_t acks = 0;
    unsigned writes = 0;
    unsigned finishes = 0;
    std::string calls;  // that a test cannot see otherwise, in their order

    [[nodiscard]] std::string take_written() { return std::exchange(written, {}); }
    void acknowledges() { acks = given_; }

    // --- Endpoint

    [[nodiscard]] bool readable() const noexcept override {
        return seems_readable || (!script_.empty() && script_.front().came != ws::Came::later);
    }
    [[nodiscard]] ws::Read read(std::span<std::uint8_t> to) noexcept override {
        ++reads;
        return give(to);
    }
    [[nodiscard]] ws::Read read_apart(std::span<std::uint8_t> to,
                                      ws::Spacing places) noexcept override {
        ws::Read all{ws::Came::bytes};
        ++reads;
        while (!to.empty()) {
            const ws::Read one = give(to.first(std::min(places.size, to.size())));
            if (all.size == 0) {
                all.came = one.came;
            }
            all.size += one.size;
            if (one.size < places.size) {
                break;
            }
            to = to.subspan(std::min(places.size + places.gap, to.size()));
        }
        return all;
    }
    [[nodiscard]] ws::Read discard(std::span<std::uint8_t> to) noexcept override {
        ++discards;
        return give(to);
    }
    [[nodiscard]] bool takes_pipe() const noexcept override { return has_pipe; }
    [[nodiscard]] std::size_t fill_pipe(std::size_t most) noexcept override {
        if (!has_pipe || script_.empty() || script_.front().came != ws::Came::bytes) {
            return 0;
        }
        std::string &bytes = script_.front().bytes;
        host_.pipe = bytes.substr(0, most);
        bytes.erase(0, host_.pipe.size());
        if (bytes.empty()) {
            script_.pop_front();
        }
        return host_.pipe.size();
    }
    [[nodiscard]] bool is_full() noexcept override { return full; }
    [[nodiscard]] std::size_t room(std::size_t most) noexcept override {
        return std::min(most, wants);
    }
    [[nodiscard]] ws::Written write(std::span<std::uint8_t> bytes) noexcept override {
        ++writes;
        return take(text(bytes));
    }
    [[nodiscard]] ws::Written write_header(std::span<std::uint8_t> bytes) noexcept override {
        calls += "header ";
        return take(text(bytes.first(std::min(bytes.size(), most_for_header))));
    }
    [[nodiscard]] ws::Written drain_pipe(std::size_t size) noexcept override {
        if (loses_pipe) {
            return {0, true};
        }
        const ws::Written written_now = take(std::string_view(host_.pipe).substr(0, size));
        host_.pipe.erase(0, written_now.size);
        return written_now;
    }
    void lift_bounds() noexcept override {
        calls += "lift ";
        takes = unbounded;
    }
    void gather() noexcept override { calls += "gather "; }
    [[nodiscard]] bool finish() noexcept override {
        finishes += has_room_for_end ? 1 : 0;
        return has_room_for_end;
    }
    void abort() noexcept override { calls += "abort "; }
    void lose(bool breaks) noexcept override { calls += breaks ? "breaks " : "lose "; }
    [[nodiscard]] std::uint64_t acknowledged() noexcept override { return acks; }
    [[nodiscard]] bool knows_exactly() const noexcept override { return exact; }
    [[nodiscard]] bool drained() const noexcept override { return all_drained; }
    [[nodiscard]] bool has_unread() const noexcept override { return readable(); }
    [[nodiscard]] bool is_broken() const noexcept override { return broken; }
    [[nodiscard]] bool may_have_broken() noexcept override { return tells_of_breaks; }
    [[nodiscard]] bool is_polled() const noexcept override { return polled; }

private:
    struct Step {
        ws::Came came;
        std::string bytes;
    };

    ScriptedEndpoint &add(ws::Came came, std::string_view bytes = {}) {
        script_.push_back({came, std::string(bytes)});
        return *this;
    }

    ws::Read give(std::span<std::uint8_t> to) {
        if (to.empty()) {
            return {ws::Came::end};  // as a kernel tells of a read without room
        }
        if (script_.empty()) {
            return {ws::Came::later};
        }
        Step &step = script_.front();
        const ws::Came came = step.came;
        const std::size_t size = std::min({to.size(), step.bytes.size(), most_read});
        std::ranges::copy(bytes(step.bytes).first(size), to.begin());
        step.bytes.erase(0, size);
        if (step.bytes.empty()) {
            script_.pop_front();
        }
        return {came, size};
    }

    ws::Written take(std::string_view bytes) {
        if (loses_writes) {
            return {0, true};
        }
        const std::size_t size = std::min({bytes.size(), takes, at_once});
        written += bytes.substr(0, size);
        takes -= takes == unbounded ? 0 : size;
        given_ += size;
        return {size};
    }

    ScriptedHost &host_;
    std::deque<Step> script_;
    std::uint64_t given_ = 0;
};

}  // namespace unit
