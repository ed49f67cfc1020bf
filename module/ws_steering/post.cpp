#include "module/ws_steering/post.hpp"

#include "module/ws_settings/conf.hpp"
#include "module/ws_status/owner.hpp"
#include "module/ws_steering/abstract_address.hpp"

#include <optional>

namespace ngx_ws {

namespace {

std::optional<Post> post;
ngx_connection_t *ear;      // a socket at which others wake this process
uint64_t ear_address;       // 0: there is none
ngx_event_t reminder = {};  // of this process to itself

// The name means nothing to anybody: who knows it can only make a process look.
AbstractAddress ear_of(uint64_t number) noexcept {
    return {'.', number};
}

void on_wake(ngx_event_t *ev) {
    std::array<u_char, 8> heard;
    const auto *c = static_cast<ngx_connection_t *>(ev->data);
    while (recv(c->fd, heard.data(), heard.size(), 0) >= 0) {
    }
    (void)ngx_handle_read_event(ev, 0);
    obey();
}

bool listen_at(ngx_socket_t fd) noexcept {
    const auto low = static_cast<uint64_t>(ngx_random());
    const uint64_t number = static_cast<uint64_t>(ngx_pid) << 32 | (low & 0xffffffff);
    const AbstractAddress address = ear_of(number);
    if (bind(fd, address.get(), address.size) == -1) {
        return false;
    }
    ear_address = number;
    return true;
}

void make_ear(ngx_cycle_t *cycle) noexcept {
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno, "socket() failed");
        return;
    }
    ngx_connection_t *c = ngx_get_connection(fd, cycle->log);
    if (c == nullptr) {
        (void)close(fd);
        return;
    }
    c->read->handler = on_wake;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
    // nginx takes an open connection at the exit for one that was forgotten.
    c->read->channel = 1;
    c->write->channel = 1;
    if (!listen_at(fd) || ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_socket_errno, "bind() failed");
        ngx_close_connection(c);
        ear_address = 0;
        return;
    }
    ear = c;
}

// To a process that is woken already this does nothing.
void send_to(uint64_t address) noexcept {
    if (ear != nullptr && address != 0) {
        const AbstractAddress other = ear_of(address);
        (void)sendto(ear->fd, "", 1, 0, other.get(), other.size);
    }
}

void remind() noexcept {
    reminder.handler = [](ngx_event_t *) { obey(); };
    reminder.log = ngx_cycle->log;
    ngx_post_event(&reminder, &ngx_posted_events);
}

template <typename Wanted>
void wake_those(Wanted wanted) noexcept {
    const Post *here = find_post();
    if (here == nullptr) {
        return;
    }
    for (const ws::Listener &listener : here->orders().listeners()) {
        const ws::Owner owner = listener.owner();
        if (!wanted(owner)) {
            continue;
        }
        if (owner.pid == here->owner.pid) {
            remind();
        } else if (owner.pid != 0) {
            send_to(listener.address.get());
        }
    }
}

}  // namespace

Post::Post(const ngx_shm_zone_t &zone) noexcept
    : memory(zone.shm.addr),
      shared(reinterpret_cast<ngx_slab_pool_t *>(zone.shm.addr)),
      owner(this_process()),
      listener(orders().join(owner, ear_address, shared)) {
}

// A process without a master may come to another zone at a reload.
Post *find_post() noexcept {
    const MainConf *conf = find_main_conf(const_cast<const ngx_cycle_t *>(ngx_cycle));
    if (conf == nullptr || conf->zone == nullptr) {
        return nullptr;
    }
    if (post.has_value() && post->memory != conf->zone->shm.addr) {
        post.reset();
    }
    if (!post.has_value() && post.emplace(*conf->zone).listener == nullptr) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "ws: ws_zone is full: this worker obeys no ws_control");
    }
    return &*post;
}

void open_post(ngx_cycle_t *cycle) noexcept {
    const MainConf *conf = find_main_conf(cycle);
    if (conf == nullptr || conf->zone == nullptr) {
        return;
    }
    if (ngx_process == NGX_PROCESS_WORKER) {
        make_ear(cycle);
    }
    if (Post *here = find_post(); here != nullptr) {
        here->quota().sweep(here->shared);
    }
}

void close_post() noexcept {
    if (post.has_value() && post->listener != nullptr) {
        post->orders().leave(*post->listener, post->shared);
    }
    post.reset();
    if (ear != nullptr) {
        ngx_close_connection(ear);
        ear = nullptr;
    }
}

void wake(const ws::Owner &owner) noexcept {
    wake_those([&](const ws::Owner &other) { return other.pid == owner.pid; });
}

void wake_all() noexcept {
    wake_those([](const ws::Owner &) { return true; });
}

}  // namespace ngx_ws
