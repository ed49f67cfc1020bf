// How far both streams of a session that can be resumed have come, over all its legs.
// docs/resume-protocol.md, sections 4, 7 and 8.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"
#include "ngx_ws_filter/ws_resume/breach.hpp"
#include "ngx_ws_filter/ws_resume/command.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace ws {

// What LIMITS tell, as far as it is about positions.
struct PositionTerms {
    std::uint32_t window;    // bytes that the client may have under way; 0, as for v4: any number
    std::uint32_t interval;  // milliseconds until an ACK is due
    std::uint32_t bytes;     // after so many it is due at once
    bool own_name;           // ours, not one of v4
};

// Both streams between two legs, as another process goes on with them.
struct StreamPositions {
    std::uint64_t taken;
    std::uint64_t may_take;
    std::uint64_t delivered;
    std::uint64_t told;
    std::uint64_t empties_taken;
    std::uint64_t sent;
    std::uint64_t acknowledged;
    bool service_ended;
    bool client_ended;
};

// Positions are bytes since the beginning of the session. A function that returns a Breach changes
// nothing if there is one. No socket, no clock.
class Positions {
public:
    explicit Positions(const PositionTerms &terms) noexcept
        : terms_(terms), may_take_(terms.window) {}

    // --- from the client to the service

    // Bytes of DATA or PART were read, which has `announced` from there on: all of them must be
    // allowed, so that none is taken of one that is not.
    [[nodiscard]] Breach take(std::uint64_t bytes, std::uint64_t announced) noexcept {
        assert(bytes <= announced);
        if (client_ended_) {
            return Breach::data_after_eof;
        }
        if (terms_.window != 0 && announced > may_take_ - taken_) {
            return Breach::window_exceeded;
        }
        taken_ += bytes;
        return Breach::none;
    }
    [[nodiscard]] Breach take_eof(std::uint64_t position) noexcept {
        if (position != taken_) {
            return Breach::eof_elsewhere;
        }
        client_ended_ = true;
        return Breach::none;
    }
    // A message without bytes. `is_new`: it is to be passed on, and not known from an earlier leg.
    [[nodiscard]] Breach take_empty(std::uint64_t ordinal, bool &is_new) noexcept {
        is_new = ordinal == empties_taken_;
        if (ordinal > empties_taken_) {
            return Breach::empty_skips;
        }
        if (is_new && client_ended_) {
            return Breach::data_after_eof;
        }
        empties_taken_ += is_new ? 1 : 0;
        return Breach::none;
    }
    // The service's TCP has acknowledged the first `total` bytes. Late sayings change nothing.
    void delivered(std::uint64_t total) noexcept {
        assert(total <= taken_);
        delivered_ = std::max(delivered_, total);
        may_take_ = std::max(may_take_, delivered_ + terms_.window);
    }
    // LIMITS are told again with another window, not 0. What was allowed before stays so.
    void change_window(std::uint32_t window) noexcept {
        terms_.window = window;
        may_take_ = std::max(may_take_, delivered_ + window);
    }

    [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
    [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }
    // The client's EOF has come.
    [[nodiscard]] bool client_ended() const noexcept { return client_ended_; }

    // --- the ACKs of the gateway

    // An ACK would say something: an end of the session waits until it is told.
    [[nodiscard]] bool owes_ack() const noexcept { return asked_ || delivered_ > told_; }
    // When it has to be sent. The first after a pause at once, then twice as often as LIMITS say.
    [[nodiscard]] Millis ack_at() const noexcept {
        if (!owes_ack()) {
            return Deadlines::never;
        }
        const bool at_once = asked_ || delivered_ - told_ >= terms_.bytes / 2;
        return at_once ? 0 : told_at_ + terms_.interval / 2;
    }
    [[nodiscard]] std::uint64_t told() const noexcept { return told_; }
    [[nodiscard]] Millis told_at() const noexcept { return told_at_; }
    // It is sent now: the position to be written.
    [[nodiscard]] std::uint64_t tell(Millis now) noexcept {
        asked_ = false;
        told_at_ = now;
        told_ = std::max(told_, delivered_);
        return told_;
    }

    // --- from the service to the client

    // Bytes are sent on this leg, from next() on.
    void sent(std::uint64_t bytes) noexcept {
        next_ += bytes;
        sent_ = std::max(sent_, next_);
    }
    // The client's ACK. What it acknowledges need not be kept.
    [[nodiscard]] Breach take_ack(std::uint64_t position) noexcept {
        const Breach breach = check_ack(position);
        if (breach == Breach::none) {
            asked_ = asked_ || (terms_.own_name && position == acknowledged_);
            acknowledged_ = position;
            next_ = std::max(next_, position);
        }
        return breach;
    }

    // The service's stream has ended behind all that it said before.
    void service_ended() noexcept { end_ = End::known; }
    // EOF has to be sent on this leg, which has sent everything: the stream ends at `end`.
    [[nodiscard]] bool eof_due(std::uint64_t end) const noexcept {
        return end_ == End::known && next_ == end && terms_.own_name;
    }
    void told_eof() noexcept { end_ = End::told; }

    // The byte that this leg sends next. It may have been sent on an earlier one.
    [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
    [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }

    // --- legs

    // The client comes back, and has so many of the service's bytes. To be called when nothing more
    // can be taken from the leg before; taken() is what RECONNECT_SUCCESS says.
    [[nodiscard]] Breach resume(std::uint64_t ack) noexcept {
        const Breach breach = check_ack(ack);
        if (breach == Breach::none) {
            acknowledged_ = ack;
            next_ = ack;
            end_ = end_ == End::told ? End::known : end_;
            greet();
        }
        return breach;
    }
    [[nodiscard]] Breach check_ack(std::uint64_t position) const noexcept {
        if (position > sent_) {
            return Breach::ack_ahead;
        }
        return position < acknowledged_ ? Breach::ack_back : Breach::none;
    }
    // To be called between two legs, and before the first one here.
    [[nodiscard]] StreamPositions kept() const noexcept {
        return {.taken = taken_,
                .may_take = may_take_,
                .delivered = delivered_,
                .told = told_,
                .empties_taken = empties_taken_,
                .sent = sent_,
                .acknowledged = acknowledged_,
                .service_ended = end_ != End::unknown,
                .client_ended = client_ended_};
    }
    void go_on(const StreamPositions &kept) noexcept {
        taken_ = kept.taken;
        may_take_ = kept.may_take;
        delivered_ = kept.delivered;
        told_ = kept.told;
        empties_taken_ = kept.empties_taken;
        sent_ = kept.sent;
        next_ = kept.acknowledged;
        acknowledged_ = kept.acknowledged;
        end_ = kept.service_ended ? End::known : End::unknown;
        client_ended_ = kept.client_ended;
    }

private:
    enum class End : std::uint8_t { unknown, known, told };  // told: on this leg

    // Clients of v4 take RECONNECT_SUCCESS for an ACK. Others want one: the last may be lost.
    void greet() noexcept {
        if (terms_.own_name) {
            asked_ = true;
        } else {
            told_ = taken_;
        }
    }

    PositionTerms terms_;
    std::uint64_t taken_ = 0;
    std::uint64_t may_take_;  // up to here; grows only
    std::uint64_t delivered_ = 0;
    std::uint64_t told_ = 0;  // by the last ACK
    Millis told_at_ = 0;
    std::uint64_t empties_taken_ = 0;
    std::uint64_t sent_ = 0;  // on any leg
    std::uint64_t next_ = 0;
    std::uint64_t acknowledged_ = 0;
    End end_ = End::unknown;
    bool client_ended_ = false;
    bool asked_ = false;
};

}  // namespace ws
