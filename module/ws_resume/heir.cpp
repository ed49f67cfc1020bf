#include "module/ws_resume/heir.hpp"

#include "module/ws_endpoints/moved_connection.hpp"
#include "module/ws_resume/identity.hpp"
#include "module/ws_resume/leaver.hpp"
#include "module/ws_resume/owner_socket.hpp"
#include "module/ws_resume/remote_leg.hpp"
#include "module/ws_resume/session_move.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ngx_ws {

namespace {

// In which the other has to say who it is, and that it has heard of our end.
constexpr ngx_msec_t answer_timeout = 10000;

// The socket of a worker that still listens on it itself.
struct Address {
    Address *next;
    uint64_t worker;
    int socket;
};

ngx_queue_t all_heirs;

// What comes from one worker that leaves, in memory of the connection's pool.
class Heir {
public:
    [[nodiscard]] static Heir *begin(int socket) noexcept;
    static void pass_all(Parcels &to) noexcept;
    [[nodiscard]] static bool has_any() noexcept {
        return !ngx_queue_empty(&ngx::ready(all_heirs));
    }
    explicit Heir(ngx_connection_t &c) noexcept : c_(&c), parcels_(c) {}

private:
    static void on_event(ngx_event_t *ev) noexcept;
    void look() noexcept;
    void know() noexcept {
        is_known_ = true;
        parcels_.trust();
    }
    [[nodiscard]] bool pass_on(Parcels &to) noexcept;
    [[nodiscard]] static bool pass_addresses(Address *&among, Parcels &to) noexcept;
    [[nodiscard]] bool take_link(const Parcel &parcel) noexcept;
    [[nodiscard]] bool obey(const Parcel &parcel) noexcept;
    [[nodiscard]] bool greet(const Parcel &parcel) noexcept;
    enum class Answered : uint8_t { now, late, to_nobody };
    [[nodiscard]] Answered answer(Says says, std::span<const uint8_t> bytes) noexcept;
    [[nodiscard]] bool take_session(const Parcel &parcel) noexcept;
    [[nodiscard]] bool keep_address(const Parcel &parcel, Address *&among) noexcept;
    void take_claim(const Parcel &parcel) noexcept;
    void end(bool is_heir) noexcept;
    static void close(const Address *each, bool is_heir) noexcept;

    ngx_queue_t place_ = {};  // among all, the first member
    ngx_connection_t *c_;
    Parcels parcels_;
    Address *addresses_ = nullptr;
    Address *others_ = nullptr;  // of the link that comes next
    bool is_known_ = false;
};

Heir *Heir::begin(int socket) noexcept {
    ngx_connection_t *c = MovedConnection::open(socket, ngx_cycle->log);
    if (c == nullptr) {
        return nullptr;
    }
    void *memory = ngx_palloc(c->pool, sizeof(Heir));
    if (memory == nullptr) {
        (void)MovedConnection::release(c);  // the descriptor is the caller's
        return nullptr;
    }
    auto *heir = new (memory) Heir(*c);
    ngx_queue_insert_tail(&ngx::ready(all_heirs), &heir->place_);
    c->data = heir;
    c->read->channel = 1;  // to nginx: the worker's time is nothing to this connection
    c->read->handler = on_event;
    c->write->handler = on_event;
    ngx_add_timer(c->read, answer_timeout);
    if (ngx_add_conn != nullptr && ngx_add_conn(c) != NGX_OK) {
        ngx_queue_remove(&heir->place_);
        heir->~Heir();
        (void)MovedConnection::release(c);
        return nullptr;
    }
    ngx_post_event(c->read, &ngx_posted_events);
    return heir;
}

void Heir::on_event(ngx_event_t *ev) noexcept {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    auto &heir = *static_cast<Heir *>(c->data);
    if (ev->timedout) {
        heir.end(false);
    } else {
        heir.look();
    }
}

void Heir::pass_all(Parcels &to) noexcept {
    for (ngx_queue_t *q = ngx_queue_head(&ngx::ready(all_heirs)); q != &all_heirs;) {
        auto &heir = *reinterpret_cast<Heir *>(q);
        q = ngx_queue_next(q);
        if (heir.is_known_ && heir.parcels_.is_at_rest() && !heir.pass_on(to)) {
            return;
        }
    }
}

// False if there is no memory: then those that are left stay.
bool Heir::pass_addresses(Address *&among, Parcels &to) noexcept {
    for (; among != nullptr; among = among->next) {
        uint8_t *bytes =
            to.prepare(Says::other_address, sizeof(among->worker), among->socket, true);
        if (bytes == nullptr) {
            return false;
        }
        std::memcpy(bytes, &among->worker, sizeof(among->worker));
    }
    return true;
}

// False if there is no memory. What belongs to a link that has not come yet goes with this one.
bool Heir::pass_on(Parcels &to) noexcept {
    if (!pass_addresses(addresses_, to) || !pass_addresses(others_, to)) {
        return false;
    }
    if (to.prepare(Says::other_link, 0, c_->fd, true) == nullptr) {
        return false;
    }
    ngx_queue_remove(&place_);
    ngx_connection_t *c = c_;
    this->~Heir();
    (void)MovedConnection::release(c);
    return true;
}

void Heir::look() noexcept {
    for (;;) {
        Parcel parcel = {};
        const Parcels::Came came = parcels_.take(parcel);
        if (came == Parcels::Came::later) {
            break;
        }
        // A leaver that is still there goes on listening, and finds another heir.
        if (came != Parcels::Came::parcel || !obey(parcel)) {
            end(is_known_ && came == Parcels::Came::end);
            return;
        }
    }
    if (!parcels_.send()) {
        end(is_known_);
        return;
    }
    leaver().look_for_last();
}

bool Heir::obey(const Parcel &parcel) noexcept {
    if (parcel.says == Says::hello || !is_known_) {
        return parcel.says == Says::hello && !is_known_ && greet(parcel);
    }
    switch (parcel.says) {
        case Says::address:
            return keep_address(parcel, addresses_);
        case Says::other_address:
            return keep_address(parcel, others_);
        case Says::other_link:
            return take_link(parcel);
        case Says::session:
            return take_session(parcel);
        case Says::claim:
            take_claim(parcel);
            return true;
        case Says::end:
            SessionMove::obey_end(parcel.bytes);
            return true;
        case Says::hello:
        case Says::taken:
        case Says::refused:
            break;
    }
    return false;
}

// The answer goes out before anything else is done: see leaver.hpp. Whatever else may hinder it,
// the other is gone only where its end is closed.
Heir::Answered Heir::answer(Says says, std::span<const uint8_t> bytes) noexcept {
    uint8_t *room = parcels_.prepare(says, bytes.size(), -1, false);
    if (room == nullptr) {
        return Answered::late;
    }
    std::copy(bytes.begin(), bytes.end(), room);
    if (!parcels_.send()) {
        return ngx_errno == NGX_EPIPE || ngx_errno == NGX_ECONNRESET ? Answered::to_nobody
                                                                     : Answered::late;
    }
    return parcels_.is_sent() ? Answered::now : Answered::late;
}

bool Heir::greet(const Parcel &parcel) noexcept {
    Hello hello = {};
    ws::SidSecret unused;
    if (parcel.bytes.size() != sizeof(hello) || ngx_exiting != 0 || !make_secret(unused)) {
        return false;
    }
    std::memcpy(&hello, parcel.bytes.data(), sizeof(hello));
    if (hello.version != parcel_version || hello.generation == resume_generation() ||
        !listen_as_owner()) {
        return false;
    }
    hello.generation = resume_generation();
    hello.worker = worker_number();
    std::array<uint8_t, sizeof(hello)> bytes;
    std::memcpy(bytes.data(), &hello, bytes.size());
    ngx_del_timer(c_->read);
    know();
    return answer(Says::hello, bytes) == Answered::now;
}

bool Heir::keep_address(const Parcel &parcel, Address *&among) noexcept {
    Address *address = ngx::make<Address>(c_->pool);
    if (parcel.descriptor == -1 || parcel.bytes.size() != sizeof(uint64_t) || address == nullptr) {
        return false;
    }
    parcels_.keep_descriptor();
    *address = {.next = among, .worker = 0, .socket = parcel.descriptor};
    std::memcpy(&address->worker, parcel.bytes.data(), sizeof(uint64_t));
    among = address;
    return true;
}

// Another worker that leaves has this one for its heir from now on, and does not know of that.
bool Heir::take_link(const Parcel &parcel) noexcept {
    Heir *heir = parcel.descriptor == -1 ? nullptr : begin(parcel.descriptor);
    if (heir == nullptr) {
        return true;  // it finds another; what it listens on stays with those of this one
    }
    parcels_.keep_descriptor();
    ngx_del_timer(heir->c_->read);
    heir->know();
    while (others_ != nullptr) {
        Address *address = ngx::make<Address>(heir->c_->pool, *others_);
        if (address == nullptr) {
            break;
        }
        address->next = std::exchange(heir->addresses_, address);
        others_ = others_->next;
    }
    return true;
}

bool Heir::take_session(const Parcel &parcel) noexcept {
    Resumable *session = nullptr;
    if (parcel.descriptor != -1) {
        parcels_.keep_descriptor();
        session = SessionMove::adopt(parcel.bytes, parcel.descriptor);
    }
    if (session == nullptr) {
        return answer(Says::refused, {}) == Answered::now;
    }
    // Where nobody is there to be answered, nobody else has the session.
    const Answered answered = answer(Says::taken, {});
    if (answered == Answered::late) {
        SessionMove::drop(*session);
    } else {
        SessionMove::begin(*session);
    }
    return answered != Answered::late;
}

void Heir::take_claim(const Parcel &parcel) noexcept {
    if (parcel.descriptor != -1 && RemoteLeg::begin(parcel.descriptor, parcel.bytes)) {
        parcels_.keep_descriptor();
    }
}

// The other is gone, or its heir is.
void Heir::end(bool is_heir) noexcept {
    for (Address *each : {addresses_, others_}) {
        close(each, is_heir);
    }
    ngx_queue_remove(&place_);
    ngx_connection_t *c = c_;
    this->~Heir();
    MovedConnection::close(c);
}

void Heir::close(const Address *each, bool is_heir) noexcept {
    for (; each != nullptr; each = each->next) {
        if (is_heir) {
            listen_for(each->worker, each->socket);
            leaver().inherit(each->worker);
        } else {
            (void)::close(each->socket);
        }
    }
}

// --- the rendezvous

std::optional<Rendezvous> the_rendezvous;
std::array<ngx_connection_t *, Rendezvous::most_sockets> listeners;

// After which it is tried again where the process lacks descriptors or the kernel memory.
constexpr ngx_msec_t pause = 100;

void on_workers(const ngx_connection_t &listener) {
    ngx_event_t *ev = listener.read;
    ev->timedout = 0;
    for (;;) {
        const int socket = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket == -1) {
            if (ngx_errno == NGX_EINTR || ngx_errno == NGX_ECONNABORTED) {
                continue;
            }
            if (ngx_errno == NGX_EAGAIN) {
                ev->ready = 0;
            } else {
                ngx_log_error(NGX_LOG_ERR, ev->log, ngx_errno, "ws: accept4() failed");
                ngx_add_timer(ev, pause);
            }
            (void)ngx_handle_read_event(ev, 0);
            return;
        }
        if (!is_one_of_us(socket) || Heir::begin(socket) == nullptr) {
            (void)::close(socket);
        }
    }
}

// By this flag nginx tells idle connections that the worker is to go. The names are free then for
// those who come after.
void on_event(ngx_event_t *ev) {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    if (!c->close) {
        on_workers(*c);
        return;
    }
    for (ngx_connection_t *&each : listeners) {
        if (each != nullptr) {
            ngx_close_connection(std::exchange(each, nullptr));
        }
    }
    leaver().begin(&*the_rendezvous);
}

// Null if there is none by that name.
ngx_connection_t *listen_at(unsigned at, ngx_log_t *log) {
    const int socket = the_rendezvous->listen(at);
    ngx_connection_t *c = socket == -1 ? nullptr : ngx_get_connection(socket, log);
    if (c == nullptr) {
        if (socket != -1) {
            (void)::close(socket);
        }
        return nullptr;
    }
    c->idle = 1;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = on_event;
    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "ws: cannot wait for workers that leave");
    }
    return c;
}

}  // namespace

void pass_leavers(Parcels &to) noexcept {
    Heir::pass_all(to);
}

bool has_leavers() noexcept {
    return Heir::has_any();
}

void open_rendezvous(ngx_cycle_t *cycle) noexcept {
    the_rendezvous.emplace(*cycle);
    bool is_found = false;
    for (unsigned at = 0; at < listeners.size(); ++at) {
        listeners[at] = listen_at(at, cycle->log);
        is_found = is_found || listeners[at] != nullptr;
    }
    if (!is_found) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "ws: no socket for workers that leave: their sessions stay with them");
    }
}

}  // namespace ngx_ws
