// The backend's side of an end: what is still read of it when nobody waits for its bytes, when it
// is let go, and how a side whose end was read is seen to be broken.
#include "module/ngx_http_ws_kernel.hpp"
#include "module/ngx_http_ws_relay.hpp"

namespace ngx_ws {

namespace {

// A backend that cannot write does not read either. So the gateway takes this much from it, for the
// sake of the client's bytes that the backend still has to take, and for its farewell behind them
// while the client is still there.
constexpr size_t most_dropped = 8 * 1024 * 1024;

// Where events are edges there is one; where they are levels, none is asked for behind an end.
bool may_have_news(ngx_event_t *read) noexcept {
    const bool told = read->ready != 0;
    read->ready = 0;
    return told || (ngx_event_flags & NGX_USE_CLEAR_EVENT) == 0;
}

}  // namespace

void Relay::look_behind_ends() noexcept {
    if (backend_gone_ && !to_backend_.lost() && may_have_news(backend_->read) &&
        broken_behind_its_end(backend_, to_backend_.finished())) {
        on_backend_lost();
    }
    if (client_gone_ && !to_client_.lost() && may_have_news(client_->read) &&
        broken_behind_its_end(client_, to_client_.finished())) {
        on_client_gone();
    }
}

bool Relay::looks_behind_ends() const noexcept {
    return (ngx_event_flags & NGX_USE_CLEAR_EVENT) == 0 &&
           ((backend_gone_ && !to_backend_.lost()) || (client_gone_ && !to_client_.lost()));
}

void Relay::begin_dropping() noexcept {
    may_drop_ = most_dropped;
}

bool Relay::reads_backend() const noexcept {
    if (backend_gone_ || !backend_->read->ready) {
        return false;
    }
    return closing() ? may_drop_ != 0 : !to_client_.blocked() && !waits_for_pong();
}

void Relay::drop_from_backend(size_t size) noexcept {
    may_drop_ -= ngx_min(may_drop_, size);
}

// Once the backend has all that it is to get, it is waited for no more: if it talks on it is reset.
void Relay::settle_backend() noexcept {
    if (to_backend_.lost() || (backend_gone_ && !cut_)) {
        return;
    }
    if (!backend_has_all_ && (cut_ || to_backend_.finished())) {
        backend_has_all_ = to_backend_.drained();
    }
    if (backend_has_all_ && (cut_ || may_drop_ == 0)) {
        backend_gone_ = true;
        to_backend_.abort();
    }
}

bool Relay::backend_is_done() const noexcept {
    return to_backend_.lost() || backend_has_all_ ||
           (backend_gone_ && !cut_ && !to_backend_.blocked());
}

bool Relay::client_is_done() const noexcept {
    return client_gone_ && (to_client_.lost() || (to_client_.finished() && !to_client_.blocked()));
}

}  // namespace ngx_ws
