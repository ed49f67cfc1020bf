#include "module/ws_session/drain.hpp"

#include <algorithm>

#include <sys/eventfd.h>

namespace ngx_ws {

namespace {

// Clients that only do what they are told are spread by that, too.
constexpr std::string_view reasons[] = {"reconnect in 1 s", "reconnect in 2 s", "reconnect in 3 s",
                                        "reconnect in 4 s", "reconnect in 5 s", "reconnect in 6 s",
                                        "reconnect in 7 s", "reconnect in 8 s", "reconnect in 9 s",
                                        "reconnect in 10 s"};

std::string_view choose_reason() noexcept {
    return reasons[static_cast<size_t>(ngx_random()) % std::size(reasons)];
}

bool is_before(ngx_msec_t a, ngx_msec_t b) noexcept {
    return static_cast<ngx_msec_int_t>(a - b) < 0;
}

}  // namespace

// The sessions of this worker: as they came, and from the moment on when it is told to go, in the
// order in which they end.
class Drain {
public:
    void add(Drainable &session) noexcept;
    void remove(Drainable &session) noexcept;
    void begin() noexcept;

private:
    [[nodiscard]] static Drainable &at(ngx_queue_t *queue) noexcept {
        return *reinterpret_cast<Drainable::Place *>(queue)->session;
    }
    void insert(Drainable &session) noexcept;
    void plan() noexcept;
    static void set_times(std::span<Drainable *> sessions) noexcept;
    void arm() noexcept;
    void go_on() noexcept;
    static void on_timer(ngx_event_t *ev) noexcept { static_cast<Drain *>(ev->data)->go_on(); }

    ngx_queue_t all_ = {};
    ngx_event_t timer_ = {};
    bool leaves_ = false;
};

namespace {

constinit Drain the_drain;

}  // namespace

// By the time at which they end, which is known only then.
void Drain::insert(Drainable &session) noexcept {
    ngx_queue_t *before = ngx_queue_last(&ngx::ready(all_));
    while (leaves_ && before != &all_ && is_before(session.due_, at(before).due_)) {
        before = ngx_queue_prev(before);
    }
    session.place_.session = &session;
    ngx_queue_insert_after(before, &session.place_.queue);
}

// A session that begins while the others end has the whole time.
void Drain::add(Drainable &session) noexcept {
    session.due_ = ngx_current_msec + session.drain_time();
    insert(session);
    if (leaves_) {
        arm();
    }
}

void Drain::remove(Drainable &session) noexcept {
    if (session.place_.session != nullptr) {
        ngx_queue_remove(&session.place_.queue);
        session.place_ = {};
    }
    // An armed timer would keep the worker.
    if (leaves_ && ngx_queue_empty(&ngx::ready(all_)) && timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

void Drain::begin() noexcept {
    plan();
    leaves_ = true;
    // nginx's line about a timer, at debug, takes its data for a connection: this is no smaller.
    static_assert(sizeof(Drain) > offsetof(ngx_connection_t, fd));
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = ngx_cycle->log;
    arm();
}

// Quiet sessions end first.
void Drain::set_times(std::span<Drainable *> sessions) noexcept {
    std::sort(sessions.begin(), sessions.end(), [](const Drainable *a, const Drainable *b) {
        return is_before(a->moved_at(), b->moved_at());
    });
    const size_t count = sessions.size();
    for (size_t i = 0; i < count; ++i) {
        Drainable &session = *sessions[i];
        session.due_ = ngx_current_msec + session.drain_time() * (2 * i + 1) / (2 * count);
    }
    std::sort(sessions.begin(), sessions.end(),
              [](const Drainable *a, const Drainable *b) { return is_before(a->due_, b->due_); });
}

// Without memory they end when their whole time is over.
void Drain::plan() noexcept {
    size_t count = 0;
    for (ngx_queue_t *q = ngx_queue_head(&ngx::ready(all_)); q != &all_; q = ngx_queue_next(q)) {
        at(q).due_ = ngx_current_msec + at(q).drain_time();
        ++count;
    }
    auto *memory =
        count == 0 ? nullptr
                   : static_cast<Drainable **>(ngx_alloc(count * sizeof(void *), ngx_cycle->log));
    if (memory == nullptr) {
        return;
    }
    const std::span sessions{memory, count};
    for (Drainable *&session : sessions) {
        session = &at(ngx_queue_head(&all_));
        remove(*session);
    }
    set_times(sessions);
    for (Drainable *session : sessions) {
        insert(*session);
    }
    ngx_free(memory);
}

void Drain::arm() noexcept {
    if (ngx_queue_empty(&all_)) {
        return;
    }
    const ngx_msec_t due = at(ngx_queue_head(&all_)).due_;
    if (timer_.timer_set) {
        if (!is_before(due, timer_.timer.key)) {
            return;
        }
        ngx_del_timer(&timer_);
    }
    ngx_add_timer(&timer_, is_before(ngx_current_msec, due) ? due - ngx_current_msec : 0);
}

void Drain::go_on() noexcept {
    timer_.timedout = 0;
    while (!ngx_queue_empty(&all_)) {
        Drainable &session = at(ngx_queue_head(&all_));
        if (is_before(ngx_current_msec, session.due_)) {
            break;
        }
        remove(session);
        session.drain(choose_reason());
    }
    arm();
}

void Drainable::join_worker() noexcept {
    the_drain.add(*this);
}

void Drainable::leave_worker() noexcept {
    the_drain.remove(*this);
}

namespace {

// By this flag nginx tells idle connections that the worker is to go.
void on_event(ngx_event_t *ev) {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    if (c->close) {
        ngx_close_connection(c);
        the_drain.begin();
    }
}

}  // namespace

void watch_for_exit(ngx_cycle_t *cycle) noexcept {
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno, "eventfd() failed");
        return;
    }
    ngx_connection_t *c = ngx_get_connection(fd, cycle->log);
    if (c == nullptr) {
        (void)close(fd);
        return;
    }
    c->idle = 1;
    c->read->handler = on_event;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
}

}  // namespace ngx_ws
