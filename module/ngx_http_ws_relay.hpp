// A session from its 101 to its end: frames to bytes and bytes to frames, both ways at once.
#pragma once

#include "module/ngx_http_ws_conf.hpp"
#include "module/ngx_http_ws_lane.hpp"
#include "module/ngx_http_ws_rest.hpp"

#include "ngx_ws_filter/ping_marker.hpp"
#include "ngx_ws_filter/ping_receipts.hpp"
#include "ngx_ws_filter/session.hpp"

namespace ngx_ws {

class Deflation;
class Framing;
struct Context;

enum class ClosedBy : uint8_t { nobody, client, backend, gateway };

[[nodiscard]] std::string_view name(ClosedBy side) noexcept;

// Made in the request's pool before the backend is dialled, started when it stands.
//
// Everything that can happen leads to advance(), which moves what can be moved in both directions
// and then looks whether the session is over. It asks only for the state of things and not for
// what woke it, so that no event can be missed or taken twice.
class Relay {
public:
    Relay(ngx_http_request_t *r, Context &ctx) noexcept;

    [[nodiscard]] ngx_http_request_t *request() const noexcept { return r_; }
    [[nodiscard]] Context &context() const noexcept { return *ctx_; }

    // Takes both connections over from nginx. Called while nginx still works on the request, so
    // that the 101 is sent, and may be refused, in an event of its own.
    void start() noexcept;
    // The 101 is sent, or a part of it.
    [[nodiscard]] bool started() const noexcept { return answer_ != Answer::due; }

    // Gives back what is held, and tells both ends if they do not know yet that the session is
    // over. nginx calls for it whatever ends the request.
    void release() noexcept;

    [[nodiscard]] ClosedBy closed_by() const noexcept { return closed_by_; }
    [[nodiscard]] ws::CloseCode close_code() const noexcept { return close_code_; }
    [[nodiscard]] uint64_t bytes_in() const noexcept { return bytes_in_; }
    [[nodiscard]] uint64_t bytes_out() const noexcept { return bytes_out_; }
    [[nodiscard]] const ws::Session &session() const noexcept { return session_; }
    [[nodiscard]] ngx_msec_t rtt() const noexcept { return rtt_; }  // 0: not measured
    // Milliseconds for which this side kept the other waiting.
    [[nodiscard]] ngx_msec_t stalled_by_client() const noexcept { return to_client_.stalled(); }
    [[nodiscard]] ngx_msec_t stalled_by_backend() const noexcept { return to_backend_.stalled(); }
    // Bytes taken for this side and not acknowledged by it when the session ended.
    [[nodiscard]] uint64_t undelivered_to_client() const noexcept { return lost_to_client_; }
    [[nodiscard]] uint64_t undelivered_to_backend() const noexcept { return lost_to_backend_; }

    // Each of these may end the request and with it this object: they are the last thing that an
    // event handler calls.
    void advance() noexcept;
    void on_clock() noexcept;
    void on_client_stalled() noexcept;
    void on_backend_stalled() noexcept;
    void shut_down() noexcept;

private:
    // Reads in one turn, before the other sessions of the worker have theirs.
    static constexpr unsigned max_reads = 8;

    // Client to backend.
    void pump_to_backend() noexcept;
    [[nodiscard]] bool read_client() noexcept;
    void take_early_frames() noexcept;
    void take_frames(std::span<uint8_t> received) noexcept;
    void on_event(ws::Event event, uint64_t offset) noexcept;
    void write_to_backend(std::span<uint8_t> data) noexcept;

    // Takes frames with compression or a framing: data is written to a room of its own.
    void take_by_room(std::span<uint8_t> received) noexcept;
    void take_rest() noexcept;
    [[nodiscard]] bool fill_room(ws::ReadBuffer &buffer) noexcept;
    void drop_frames(std::span<uint8_t> received) noexcept;
    void close_without_memory() noexcept;
    [[nodiscard]] bool has_rest() const noexcept;
    [[nodiscard]] size_t held_in_framing() const noexcept;
    [[nodiscard]] bool needs_room() const noexcept {
        return deflation_ != nullptr || framing_ != nullptr;
    }

    // Backend to client.
    void pump_to_client() noexcept;
    [[nodiscard]] bool read_backend() noexcept;
    [[nodiscard]] bool splice_backend() noexcept;
    void take_early_bytes() noexcept;
    void take_bytes(std::span<uint8_t> received) noexcept;
    void take_framed(std::span<uint8_t> received) noexcept;
    void take_end() noexcept;
    void send_message(const ws::Session::Wrapped &wrapped) noexcept;
    [[nodiscard]] ws::Session::Wrapped wrap(std::span<uint8_t> payload) noexcept;
    [[nodiscard]] size_t max_payload() const noexcept;
    void send_due() noexcept;

    // The 101. False: nothing else is to be done in this turn, and this object may be gone.
    [[nodiscard]] bool answer() noexcept;
    [[nodiscard]] bool begin_answer() noexcept;
    [[nodiscard]] bool finish_answer() noexcept;

    // Confirmations: what may be said of the client's bytes only once the backend has them.
    void on_ping(uint64_t offset) noexcept;
    void on_pong() noexcept;
    [[nodiscard]] bool receipt_may_ripen() const noexcept;
    void give_receipts() noexcept;
    [[nodiscard]] bool delivered() noexcept;
    [[nodiscard]] bool confirmed(uint64_t offset) noexcept;
    void conclude() noexcept;
    void conclude(std::string_view why_not) noexcept;
    void close_undelivered(ws::CloseCode code, std::string_view why) noexcept;
    void poll_again() noexcept;

    // The end: who began it, and what is still to be done.
    void note_end(ClosedBy by, ws::CloseCode code, std::string_view why) noexcept;
    void begin_close(ClosedBy by, ws::CloseCode code, std::string_view why) noexcept;
    void on_client_close() noexcept;
    void on_client_end(bool orderly) noexcept;
    void on_client_gone() noexcept;
    [[nodiscard]] bool cuts_client(ClosedBy by, ws::CloseCode code) const noexcept;
    void on_backend_gone(bool reset) noexcept;
    void on_backend_cut() noexcept;
    void on_backend_lost() noexcept;
    void close_lost(ClosedBy by, ws::CloseCode code, std::string_view why) noexcept;
    void settle() noexcept;
    void settle_closing() noexcept;

    // The backend's side of it: what is still read, what is waited for, and a reset behind its end.
    void look_behind_ends() noexcept;
    [[nodiscard]] bool looks_behind_ends() const noexcept;
    void begin_dropping() noexcept;
    [[nodiscard]] bool reads_backend() const noexcept;
    void drop_from_backend(size_t size) noexcept;
    void settle_backend() noexcept;
    [[nodiscard]] bool backend_is_done() const noexcept;
    [[nodiscard]] bool client_is_done() const noexcept;
    [[nodiscard]] bool client_is_silent() const noexcept;
    void resume_after_loss() noexcept;
    void give_up() noexcept;
    void log_end() noexcept;
    void stop() noexcept;
    void abort_backend_if_cut() noexcept;
    void say_goodbye() noexcept;
    void end() noexcept;
    [[nodiscard]] bool closing() const noexcept { return closed_by_ != ClosedBy::nobody; }

    // Liveness.
    void check_liveness(ngx_msec_t now) noexcept;
    [[nodiscard]] bool asks_for_pongs() const noexcept;
    [[nodiscard]] bool still_delivering() noexcept;
    [[nodiscard]] bool end_may_go_on(ngx_msec_t now) noexcept;
    void begin_end_clock() noexcept;
    void send_ping(ngx_msec_t now) noexcept;
    void send_marker() noexcept;
    [[nodiscard]] bool pongs_confirm() const noexcept;
    [[nodiscard]] bool hears_client() const noexcept;
    [[nodiscard]] bool waits_for_pong() const noexcept;
    [[nodiscard]] bool ping_is_on_its_way() noexcept;
    void arm_clock() noexcept;

    enum class Answer : uint8_t { due, begun, sent };

    ngx_http_request_t *r_;
    Context *ctx_;  // r_ forgets its own when another module's filter refuses the 101
    ngx_connection_t *client_;
    ngx_connection_t *backend_ = nullptr;
    const LocConf *conf_;
    Deflation *deflation_;  // null without compression
    Framing *framing_;      // null for a stream
    ws::Session session_;
    ws::PingMarkers markers_;
    ws::PingReceipts receipts_;
    Lane to_backend_;
    Lane to_client_;
    Rest rest_;             // of what the client sent
    ngx_event_t resume_{};  // posted when there is more to do than one turn allows
    ngx_event_t poll_{};    // a timer: has the backend acknowledged by now
    // A timer: for how long has the client taken nothing. Those of its connection are also a
    // subrequest's; of the backend's, which is ours alone, the read timer is the clock.
    ngx_event_t stall_{};

    uint64_t bytes_in_ = 0;    // payload taken from the client
    uint64_t bytes_out_ = 0;   // payload taken for it
    uint64_t dropped_ = 0;     // payload of the client that came when the session was ending,
                               // compressed as it came
    uint64_t close_size_ = 0;  // bytes of our Close, which are no loss
    uint64_t lost_to_client_ = 0;
    uint64_t lost_to_backend_ = 0;

    ngx_msec_t heard_ = 0;      // the last byte from the client
    ngx_msec_t moved_ = 0;      // the last data in either direction
    ngx_msec_t confirmed_ = 0;  // the last pong that confirmed more, or the pause that waits for it
    ngx_msec_t pinged_ = 0;     // the ping that is waited for
    ngx_msec_t marked_ = 0;     // the newest ping
    ngx_msec_t rtt_ = 0;
    ngx_msec_t ended_at_ = 0;       // closed_by_ was set
    ngx_msec_t closing_since_ = 0;  // the same, or when delivery was last seen to go on
    ngx_msec_t poll_wait_ = 0;
    uint64_t marked_at_ = 0;     // bytes taken for the client before the newest ping
    uint64_t acknowledged_ = 0;  // by the client's kernel, when the last ping was thought of
    uint64_t reached_ = 0;       // the same in bytes of the wire

    static constexpr uint64_t nothing_under_way = UINT64_MAX;
    // Acknowledged by both, when idleness was checked or how far the end has come.
    uint64_t delivering_ = nothing_under_way;
    size_t may_drop_ = 0;  // bytes of the backend that are still read when nobody waits for them

    std::string_view why_;  // the words of the log; a literal
    ws::CloseCode close_code_ = ws::CloseCode::abnormal;
    ClosedBy closed_by_ = ClosedBy::nobody;  // nobody: the session is open
    bool can_splice_ = false;
    bool floods_ = false;  // the backend: the last read was a large one
    bool awaiting_pong_ = false;
    bool timing_ = false;  // the newest ping is not answered yet
    Answer answer_ = Answer::due;
    bool verdict_pending_ = false;  // our Close waits for what the backend acknowledges
    bool client_gone_ = false;      // its last byte was read
    bool backend_gone_ = false;
    bool backend_has_all_ = false;  // of an ending session, and our end
    bool cut_ = false;              // bytes of the client had arrived that the backend never gets
};

// The relay of a request, or a subrequest of it, that ws_pass has given to a backend.
[[nodiscard]] Relay &relay_of(ngx_http_request_t *r) noexcept;

}  // namespace ngx_ws
