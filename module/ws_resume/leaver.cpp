#include "module/ws_resume/leaver.hpp"

#include "module/ws_endpoints/moved_connection.hpp"
#include "module/ws_resume/heir.hpp"
#include "module/ws_resume/identity.hpp"
#include "module/ws_resume/owner_socket.hpp"
#include "module/ws_resume/session_move.hpp"

#include <openssl/rand.h>
#include <sys/socket.h>

#include <cstring>

namespace ngx_ws {

namespace {

constinit Leaver the_leaver;

// Random, and 0 before the first.
uint64_t the_generation;

// Who answers, does so at once, unless the machine is very busy. A new worker may begin a little
// later than the old one is told to go.
constexpr ngx_msec_t answer_timeout = 5000;
constexpr ngx_msec_t between_rounds = 200;
constexpr unsigned most_rounds = 15;

void find_wanted() noexcept {
    each_owner_socket([](OwnerSocket &socket) {
        sessions().each([&](const Listed &session) {
            socket.is_wanted = socket.is_wanted || session.home == socket.worker;
        });
    });
}

}  // namespace

Leaver &leaver() noexcept {
    return the_leaver;
}

void begin_resume_generation() noexcept {
    uint64_t made = 0;
    (void)RAND_bytes(reinterpret_cast<unsigned char *>(&made), sizeof(made));
    the_generation = made;
}

uint64_t resume_generation() noexcept {
    return the_generation;
}

// --- the way to an heir

void Leaver::begin(const Rendezvous *rendezvous) noexcept {
    if (phase_ != Phase::stays) {
        return;
    }
    rendezvous_ = rendezvous;
    // nginx's line about a timer, at debug, takes its data for a connection: this is no smaller.
    static_assert(sizeof(Leaver) > offsetof(ngx_connection_t, fd));
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = ngx_cycle->log;
    find_wanted();
    if (!has_anything()) {
        phase_ = Phase::alone;
        return;
    }
    seek();
}

void Leaver::wait(ngx_msec_t time) noexcept {
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
    ngx_add_timer(&timer_, time);
}

void Leaver::seek() noexcept {
    phase_ = Phase::seeks;
    for (;;) {
        const int socket = rendezvous_->connect_next(place_);
        if (socket == -1) {
            seek_later();
            return;
        }
        c_ = MovedConnection::open(socket, ngx_cycle->log);
        if (c_ == nullptr) {
            (void)::close(socket);
            seek_later();
            return;
        }
        if (introduce()) {
            wait(answer_timeout);
            return;
        }
        parcels_.reset();
        MovedConnection::close(std::exchange(c_, nullptr));
    }
}

bool Leaver::introduce() noexcept {
    c_->data = this;
    c_->read->channel = 1;  // to nginx: it may still be open when the worker exits
    c_->read->handler = on_event;
    c_->write->handler = on_event;
    parcels_.emplace(*c_);
    const Hello hello = {.version = parcel_version,
                         .nothing = 0,
                         .generation = the_generation,
                         .worker = worker_number()};
    uint8_t *bytes = parcels_->prepare(Says::hello, sizeof(hello), -1, false);
    if (bytes == nullptr || (ngx_add_conn != nullptr && ngx_add_conn(c_) != NGX_OK)) {
        return false;
    }
    std::memcpy(bytes, &hello, sizeof(hello));
    return parcels_->send() && ngx_handle_read_event(c_->read, 0) == NGX_OK;
}

void Leaver::seek_later() noexcept {
    place_ = 0;
    if (++rounds_ >= most_rounds || !has_anything()) {
        stay_alone();
    } else {
        wait(between_rounds);
    }
}

// Sessions stay with this worker, as long as it has time.
void Leaver::stay_alone() noexcept {
    phase_ = Phase::alone;
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
    while (Resumable *session = next()) {
        keep(*session);
    }
}

void Leaver::on_timer(ngx_event_t *ev) noexcept {
    auto &leaver = *static_cast<Leaver *>(ev->data);
    ev->timedout = 0;
    if (leaver.phase_ == Phase::seeks) {
        leaver.c_ == nullptr ? leaver.seek() : leaver.lose_link();
    } else if (leaver.phase_ == Phase::linked) {
        leaver.pump();
    }
}

// --- what the heir says

// The worker's time is nothing to this connection.
void Leaver::on_event(ngx_event_t *ev) noexcept {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    c->close = 0;
    static_cast<Leaver *>(c->data)->look();
}

void Leaver::look() noexcept {
    if (listen()) {
        pump();
    } else {
        lose_link();
    }
}

// False if no more is to come.
bool Leaver::listen() noexcept {
    for (;;) {
        Parcel parcel = {};
        const Parcels::Came came = parcels_->take(parcel);
        if (came == Parcels::Came::later) {
            return true;
        }
        if (came != Parcels::Came::parcel || !obey(parcel)) {
            return false;
        }
    }
}

// Nothing can be said to the heir any more, but its answer may have come before that, or may still
// come. What it has of a session it gets no more of; until it has closed its end, the session may
// be its own.
void Leaver::hear_out() noexcept {
    if (!listen()) {
        lose_link();
        return;
    }
    (void)shutdown(c_->fd, SHUT_WR);
    wait(stay_alive);
}

bool Leaver::obey(const Parcel &parcel) noexcept {
    Hello hello = {};
    switch (parcel.says) {
        case Says::hello:
            if (phase_ != Phase::seeks || parcel.bytes.size() != sizeof(hello)) {
                return false;
            }
            std::memcpy(&hello, parcel.bytes.data(), sizeof(hello));
            if (hello.version != parcel_version || hello.worker == 0) {
                return false;
            }
            link();
            return true;
        case Says::taken:
        case Says::refused:
            if (moving_ == nullptr) {
                return false;
            }
            settle(parcel.says == Says::taken);
            return true;
        case Says::address:
        case Says::session:
        case Says::claim:
        case Says::other_address:
        case Says::other_link:
        case Says::end:
            break;
    }
    return false;
}

void Leaver::link() noexcept {
    linked_at_ = ngx_current_msec;
    phase_ = Phase::linked;
    ngx_del_timer(&timer_);
    each_owner_socket([](OwnerSocket &socket) { socket.is_given = false; });
    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "ws: hands its sessions to another worker, %uz in all", sessions().count());
    give_addresses();
    look_for_last();
    sessions().each([this](Listed &listed) {
        auto &session = static_cast<Resumable &>(listed);
        auto &leaving = static_cast<Leaving &>(session);
        if (SessionMove::is_detached(session)) {
            offer(session);
        } else if (leaving.is_due_) {
            send_away(session);
        }
    });
}

// Sessions, or a socket for some that are elsewhere.
bool Leaver::has_anything() const noexcept {
    bool is_wanted = sessions().count() != 0 || has_leavers();
    each_owner_socket(
        [&](const OwnerSocket &socket) { is_wanted = is_wanted || socket.is_wanted; });
    return is_wanted && rendezvous_ != nullptr && the_generation != 0;
}

// The heir does not yet listen on them.
void Leaver::give_addresses() noexcept {
    each_owner_socket([this](OwnerSocket &socket) {
        uint8_t *bytes =
            socket.is_wanted && !socket.is_given
                ? parcels_->prepare(Says::address, sizeof(socket.worker), socket.c->fd, false)
                : nullptr;
        if (bytes != nullptr) {
            socket.is_given = true;
            std::memcpy(bytes, &socket.worker, sizeof(socket.worker));
        }
    });
}

void Leaver::inherit(uint64_t worker) noexcept {
    if (phase_ == Phase::stays) {
        return;
    }
    each_owner_socket([&](OwnerSocket &socket) {
        socket.is_wanted = socket.is_wanted || socket.worker == worker;
    });
    if (phase_ == Phase::linked) {
        give_addresses();
        wait(0);
    } else if (phase_ == Phase::alone && has_anything()) {
        rounds_ = 0;
        place_ = 0;
        seek();
    }
}

// What the heir has not answered it has not taken. The next one is sought behind its place, so that
// one that fails again and again comes last.
void Leaver::lose_link() noexcept {
    parcels_.reset();
    MovedConnection::close(std::exchange(c_, nullptr));
    if (moving_ != nullptr) {
        Resumable &session = *std::exchange(moving_, nullptr);
        static_cast<Leaving &>(session).state_ = Leaving::State::stays;
        SessionMove::thaw(session);
        offer(session);
        if (static_cast<Leaving &>(session).state_ == Leaving::State::stays) {
            keep(session);
        }
    }
    if (phase_ != Phase::linked) {
        seek();
    } else if (!has_anything()) {
        stay_alone();
    } else {
        if (ngx_current_msec - linked_at_ > answer_timeout) {
            rounds_ = 0;
        }
        phase_ = Phase::seeks;
        wait(between_rounds);
    }
}

}  // namespace ngx_ws
