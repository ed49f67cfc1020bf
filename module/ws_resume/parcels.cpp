#include "module/ws_resume/parcels.hpp"

#include <sys/socket.h>

#include <cstring>

namespace ngx_ws {

namespace {

// The kernel has no memory for it now, or too many descriptors are on their way: nobody will tell
// when that is over.
bool is_for_want_of_memory(ngx_err_t error) noexcept {
    return error == NGX_ENOMEM || error == ENOBUFS || error == ETOOMANYREFS;
}

// Where nginx does not wait for it, which is no reason to take the other for dead.
void look_again_at(ngx_event_t *ev, ngx_int_t waits) noexcept {
    if (waits != NGX_OK) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}

union Control {
    std::byte bytes[CMSG_SPACE(sizeof(int))];
    cmsghdr align;
};

}  // namespace

Parcels::~Parcels() {
    while (first_ != nullptr) {
        drop_first();
    }
    forget_taken();
}

void Parcels::close_descriptor(int &descriptor) noexcept {
    if (descriptor != -1) {
        (void)::close(std::exchange(descriptor, -1));
    }
}

// --- to the other worker

uint8_t *Parcels::prepare(Says says, size_t size, int descriptor, bool closes) noexcept {
    auto *out =
        static_cast<Outgoing *>(ngx_alloc(sizeof(Outgoing) + sizeof(Head) + size, ngx_cycle->log));
    if (out == nullptr) {
        return nullptr;
    }
    *out = {.next = nullptr,
            .descriptor = descriptor,
            .closes = closes,
            .size = sizeof(Head) + size,
            .sent = 0};
    const Head head = {.version = parcel_version,
                       .says = says,
                       .has_descriptor = descriptor != -1,
                       .nothing = 0,
                       .size = size};
    std::memcpy(bytes_of(*out), &head, sizeof(head));
    (first_ == nullptr ? first_ : last_->next) = out;
    last_ = out;
    return bytes_of(*out) + sizeof(head);
}

void Parcels::drop_first() noexcept {
    Outgoing *out = first_;
    first_ = out->next;
    if (out->closes) {
        close_descriptor(out->descriptor);
    }
    ngx_free(out);
}

// The descriptor goes with the first byte.
ssize_t Parcels::send_some(const Outgoing &out) noexcept {
    iovec part = {bytes_of(const_cast<Outgoing &>(out)) + out.sent, out.size - out.sent};
    Control control = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (out.descriptor != -1 && out.sent == 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &out.descriptor, sizeof(int));
    }
    ssize_t n;
    do {
        n = sendmsg(c_->fd, &message, MSG_NOSIGNAL);
    } while (n == -1 && ngx_errno == NGX_EINTR);
    return n;
}

bool Parcels::send() noexcept {
    while (first_ != nullptr) {
        const ssize_t n = send_some(*first_);
        if (n == -1 && ngx_errno == NGX_EAGAIN) {
            c_->write->ready = 0;
            look_again_at(c_->write, ngx_handle_write_event(c_->write, 0));
            return true;
        }
        if (n == -1 && is_for_want_of_memory(ngx_errno)) {
            ngx_post_event(c_->write, &ngx_posted_next_events);
            return true;
        }
        if (n <= 0) {
            return false;
        }
        first_->sent += static_cast<size_t>(n);
        if (first_->sent == first_->size) {
            drop_first();
        }
    }
    return true;
}

// --- from it

ssize_t Parcels::receive_some(uint8_t *to, size_t size) noexcept {
    iovec part = {to, size};
    Control control = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof(control.bytes);
    ssize_t n;
    do {
        n = recvmsg(c_->fd, &message, MSG_CMSG_CLOEXEC);
    } while (n == -1 && ngx_errno == NGX_EINTR);
    if (n > 0 && !keep_one(message)) {
        ngx_set_errno(EPROTO);
        return -1;
    }
    return n;
}

// False if there is more than one, of which none is left then.
bool Parcels::keep_one(msghdr &message) noexcept {
    const cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
        return true;
    }
    const size_t came = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t at = 0; at < came; ++at) {
        close_descriptor(descriptor_);
        std::memcpy(&descriptor_, CMSG_DATA(header) + at * sizeof(int), sizeof(int));
    }
    if (came > 1) {
        close_descriptor(descriptor_);
    }
    return came <= 1;
}

// Nothing once `to` is full up to `size`; `begin` is where it begins among all that is counted.
std::optional<Parcels::Came> Parcels::fill(uint8_t *to, size_t size, size_t begin) noexcept {
    while (got_ < begin + size) {
        const size_t at = got_ - begin;
        const ssize_t n = receive_some(to + at, size - at);
        if (n == -1 && ngx_errno == NGX_EAGAIN) {
            c_->read->ready = 0;
            look_again_at(c_->read, ngx_handle_read_event(c_->read, 0));
            return Came::later;
        }
        if (n == -1 && is_for_want_of_memory(ngx_errno)) {
            ngx_post_event(c_->read, &ngx_posted_next_events);
            return Came::later;
        }
        if (n == -1 && ngx_errno == EPROTO) {
            return Came::broken;
        }
        if (n <= 0) {
            return Came::end;
        }
        got_ += static_cast<size_t>(n);
    }
    return std::nullopt;
}

// What belongs together comes together: a descriptor for which this process had no room is missed.
bool Parcels::is_sound() const noexcept {
    return head_.version == parcel_version && head_.says <= Says::end && head_.size <= most_;
}

void Parcels::forget_taken() noexcept {
    close_descriptor(descriptor_);
    if (body_ != nullptr && body_ != small_) {
        ngx_free(body_);
    }
    body_ = nullptr;
    got_ = 0;
    is_whole_ = false;
}

bool Parcels::is_at_rest() noexcept {
    if (is_whole_) {
        forget_taken();
    }
    return first_ == nullptr && got_ == 0;
}

uint8_t *Parcels::room_for_body() noexcept {
    return head_.size <= sizeof(small_)
               ? small_
               : static_cast<uint8_t *>(ngx_alloc(head_.size, ngx_cycle->log));
}

Parcels::Came Parcels::take(Parcel &parcel) noexcept {
    if (is_whole_) {
        forget_taken();
    }
    if (const auto came = fill(reinterpret_cast<uint8_t *>(&head_), sizeof(head_), 0)) {
        return *came;
    }
    if (body_ == nullptr) {
        body_ = is_sound() ? room_for_body() : nullptr;
        if (body_ == nullptr) {
            return Came::broken;
        }
    }
    if (const auto came = fill(body_, head_.size, sizeof(head_))) {
        return *came;
    }
    is_whole_ = true;
    parcel = {.says = head_.says, .descriptor = descriptor_, .bytes = {body_, head_.size}};
    return Came::parcel;
}

}  // namespace ngx_ws
