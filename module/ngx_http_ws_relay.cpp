#include "module/ngx_http_ws_relay.hpp"

#include "module/ngx_http_ws_context.hpp"
#include "module/ngx_http_ws_deflate.hpp"
#include "module/ngx_http_ws_framing.hpp"
#include "module/ngx_http_ws_kernel.hpp"

namespace ngx_ws {

namespace {

// Runs one of the relay's entries as nginx runs a request's: with its log, and with whatever the
// end of a request leaves to be done.
template <typename Entry>
void run(ngx_event_t *ev, Entry entry) noexcept {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    Relay &relay = relay_of(static_cast<ngx_http_request_t *>(c->data));
    ngx_connection_t *client = relay.request()->connection;
    ngx_http_set_log_request(client->log, relay.request());

    const bool late = ev->timedout;
    ev->timedout = 0;
    // A worker whose shutdown timeout is over marks each of its connections so.
    if (c->close) {
        relay.shut_down();
    } else if (late) {
        entry(relay);
    } else {
        relay.advance();
    }
    ngx_http_run_posted_requests(client);
}

void handle_change(ngx_event_t *ev) {
    run(ev, [](Relay &relay) { relay.advance(); });
}

void handle_backend_read(ngx_event_t *ev) {
    run(ev, [](Relay &relay) { relay.on_clock(); });
}

void handle_client_stall(ngx_event_t *ev) {
    run(ev, [](Relay &relay) { relay.on_client_stalled(); });
}

void handle_backend_write(ngx_event_t *ev) {
    run(ev, [](Relay &relay) { relay.on_backend_stalled(); });
}

// nginx calls the request's handlers for the client's connection, and does itself what run() does.
// It sets its own handlers of the connection anew when a subrequest fails.
void handle_client(ngx_http_request_t *r) {
    r->connection->write->timedout = 0;
    relay_of(r).advance();
}

bool wants_nodelay(ngx_http_request_t *r) noexcept {
    return static_cast<ngx_http_core_loc_conf_t *>(
               ngx_http_get_module_loc_conf(r, ngx_http_core_module))
               ->tcp_nodelay != 0;
}

}  // namespace

Relay &relay_of(ngx_http_request_t *r) noexcept {
    return *static_cast<Relay *>(r->main->upstream->output.filter_ctx);
}

Relay::Relay(ngx_http_request_t *r, Context &ctx) noexcept
    : r_(r),
      ctx_(&ctx),
      client_(r->connection),
      conf_(&loc_conf(r)),
      deflation_(ctx.deflation),
      framing_(ctx.framing),
      session_({.outgoing = ctx.frame_type,
                .max_message_size = conf_->framing.max_message_size(conf_->max_message_size),
                .compression = deflation_ == nullptr ? nullptr : &deflation_->compression(),
                .framer = framing_ == nullptr ? nullptr : &framing_->framer(),
                .repairs_text = repairs_text(*conf_)}) {
}

void Relay::start() noexcept {
    backend_ = r_->upstream->peer.connection;
    const bool by_pong = conf_->client_ack == static_cast<ngx_uint_t>(ClientAck::pong);
    const bool nodelay = wants_nodelay(r_);
    to_client_.open(client_, {.timer = &stall_,
                              .send_timeout = conf_->send_timeout,
                              .kernel_window = conf_->client_window,
                              .notsent_lowat = conf_->notsent_lowat,
                              .nodelay = nodelay,
                              .ledger_window = by_pong ? conf_->client_window : 0});
    to_backend_.open(backend_, {.timer = backend_->write,
                                .send_timeout = conf_->send_timeout,
                                .kernel_window = conf_->backend_window,
                                .notsent_lowat = conf_->notsent_lowat,
                                .nodelay = nodelay,
                                .ledger_window = 0});
    limit_receive_buffer(client_, conf_->client_rcvbuf);

    backend_->read->handler = handle_backend_read;
    backend_->write->handler = handle_backend_write;
    r_->read_event_handler = handle_client;
    r_->write_event_handler = handle_client;
    client_->log->action = const_cast<char *>("relaying a websocket");

    can_splice_ =
        session_.passes_bytes() && client_->send == ngx_send && backend_->recv == ngx_recv;
    heard_ = moved_ = confirmed_ = ngx_current_msec;
    backend_->read->available = -1;
    // No event will tell of it again, and without it the last short read would be taken for all.
    if (ctx_->backend_ended) {
        backend_->read->ready = 1;
        backend_->read->pending_eof = 1;
    }
    resume_.handler = poll_.handler = handle_change;
    stall_.handler = handle_client_stall;
    for (ngx_event_t *ev : {&resume_, &poll_, &stall_}) {
        ev->data = client_;
        ev->log = client_->log;
    }
    arm_clock();
    ngx_post_event(&resume_, &ngx_posted_events);
}

void Relay::release() noexcept {
    if (backend_ != nullptr) {
        stop();
    }
    if (deflation_ != nullptr) {
        deflation_->release();
    }
    if (framing_ != nullptr) {
        framing_->release();
    }
}

void Relay::stop() noexcept {
    if (started()) {
        say_goodbye();
    }
    if (closing() && has_rest()) {
        drop_frames(rest_.bytes());
    }
    const uint64_t lost = to_client_.undelivered();
    lost_to_client_ = lost > close_size_ ? lost - close_size_ : 0;
    lost_to_backend_ = to_backend_.undelivered() + dropped_ + held_in_framing();
    if (started()) {
        log_end();
    }
    abort_backend_if_cut();
    to_client_.lose();
    to_backend_.lose();
    rest_.clear();
    if (resume_.posted) {
        ngx_delete_posted_event(&resume_);
    }
    for (ngx_event_t *ev : {&poll_, &stall_, backend_->read}) {
        if (ev->timer_set) {
            ngx_del_timer(ev);
        }
    }
    // The request may outlive us, as long as a subrequest of it does.
    r_->read_event_handler = ngx_http_block_reading;
    r_->write_event_handler = ngx_http_request_empty_handler;
}

void Relay::advance() noexcept {
    if (answer_ != Answer::sent && !answer()) {
        return;
    }
    look_behind_ends();
    pump_to_backend();
    give_receipts();
    pump_to_client();
    settle();
}

void Relay::pump_to_backend() noexcept {
    for (unsigned reads = 0;; ++reads) {
        to_backend_.flush();
        const bool rest = has_rest();
        if (to_backend_.blocked() || (!rest && (client_gone_ || !client_->read->ready))) {
            return;
        }
        if (reads == max_reads) {
            ngx_post_event(&resume_, &ngx_posted_next_events);
            return;
        }
        if (rest) {
            take_rest();
        } else if (!read_client()) {
            return;
        }
    }
}

bool Relay::read_client() noexcept {
    const std::span<uint8_t> buffer = scratch().from_client;
    const std::span<uint8_t> room = buffer.first(to_backend_.room(buffer.size()));
    // After our FIN everything is dropped, TLS records unread: only the end is waited for.
    const ssize_t n = to_client_.finished() ? ngx_recv(client_, room.data(), room.size())
                                            : client_->recv(client_, room.data(), room.size());
    if (n == NGX_AGAIN) {
        return false;
    }
    if (n <= 0) {
        on_client_end(n == 0);
        return false;
    }
    if (!to_client_.finished()) {
        take_frames(room.first(static_cast<size_t>(n)));
    }
    return true;
}

// In nginx's buffer, which may be larger than any of ours, they wait to be taken in parts.
void Relay::take_early_frames() noexcept {
    ngx_buf_t *early = r_->header_in;
    const std::span received{early->pos, early->last};
    early->pos = early->last;
    if (!received.empty()) {
        rest_.point_to(received);
    }
}

void Relay::take_rest() noexcept {
    const std::span<uint8_t> rest = rest_.bytes();
    if (needs_room()) {
        take_by_room(rest);
        return;
    }
    const size_t most = ngx_min(rest.size(), scratch().from_client.size());
    const std::span<uint8_t> part = rest.first(to_backend_.room(most));
    if (part.size() == rest.size()) {
        rest_.clear();
    } else {
        rest_.point_to(rest.subspan(part.size()));
    }
    take_frames(part);
}

// The payloads become one run of bytes at the front of `received`, at most as many as a scratch
// buffer holds, written in one go. The pongs that are due meanwhile gather in the other one.
void Relay::take_frames(std::span<uint8_t> received) noexcept {
    heard_ = ngx_current_msec;
    awaiting_pong_ = false;
    if (needs_room()) {
        take_by_room(received);
        return;
    }
    const bool open = !closing();
    const uint64_t offset = to_backend_.ledger().taken() + dropped_;
    const std::span<uint8_t> answers = scratch().from_backend;
    size_t answered = 0;

    ws::ReadBuffer buffer{received.data(), received.data(), received.data() + received.size()};
    for (ws::Event event; (event = session_.receive(buffer)) != ws::Event::exhausted;) {
        on_event(event, offset + static_cast<uint64_t>(buffer.packed - received.data()));
        if (event == ws::Event::ping && !to_client_.blocked()) {
            answered += session_.write_due(answers.subspan(answered));
        }
    }
    const std::span<uint8_t> data{received.data(), buffer.packed};
    if (open) {
        write_to_backend(data);
    } else {
        dropped_ += data.size();
    }
    if (answered != 0) {
        to_client_.write_control(answers.first(answered));
    }
}

void Relay::write_to_backend(std::span<uint8_t> data) noexcept {
    if (!data.empty()) {
        moved_ = ngx_current_msec;
        bytes_in_ += data.size();
        to_backend_.write(data);
    }
}

// `offset`: where in the stream to the backend it was met.
void Relay::on_event(ws::Event event, uint64_t offset) noexcept {
    switch (event) {
        case ws::Event::ping:
            on_ping(offset);
            break;
        case ws::Event::pong:
            on_pong();
            break;
        case ws::Event::close:
            on_client_close();
            break;
        case ws::Event::violation:
            begin_close(ClosedBy::gateway, ws::close_code(session_.violation()),
                        ws::words(session_.violation()));
            break;
        case ws::Event::exhausted:
        case ws::Event::room_full:
        case ws::Event::memory_full:
            break;
    }
}

}  // namespace ngx_ws
