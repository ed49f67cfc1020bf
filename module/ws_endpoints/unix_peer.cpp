#include "module/ws_endpoints/unix_peer.hpp"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ngx_ws {

namespace {

// A kernel without it, or a policy that forbids it, is not asked again and again: each question
// might start a search for a module.
bool refused = false;
bool asked = false;

// The inode of a peer that no process has yet.
constexpr uint32_t not_accepted = 0;

struct Request {
    nlmsghdr header;
    unix_diag_req body;
};

Request request_for(uint32_t inode, uint32_t show) noexcept {
    Request request = {};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.body.sdiag_family = AF_UNIX;
    request.body.udiag_states = UINT32_MAX;
    request.body.udiag_ino = inode;
    request.body.udiag_show = show;
    request.body.udiag_cookie[0] = request.body.udiag_cookie[1] = UINT32_MAX;  // any
    return request;
}

// The first number of an attribute of the answer.
std::optional<uint32_t> find(std::span<const uint8_t> answer, uint16_t wanted) noexcept {
    constexpr size_t alignment = NLA_ALIGNTO;
    constexpr size_t before = sizeof(nlmsghdr) + sizeof(unix_diag_msg);
    nlmsghdr header;
    if (answer.size() < before) {
        return std::nullopt;
    }
    std::memcpy(&header, answer.data(), sizeof(header));
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) {
        return std::nullopt;
    }
    for (size_t at = before; answer.size() - at >= sizeof(nlattr) + sizeof(uint32_t);) {
        nlattr attribute;
        std::memcpy(&attribute, answer.data() + at, sizeof(attribute));
        if (attribute.nla_type == wanted) {
            uint32_t value;
            std::memcpy(&value, answer.data() + at + sizeof(attribute), sizeof(value));
            return value;
        }
        const size_t size = ngx_max(size_t{attribute.nla_len}, sizeof(attribute));
        at += ngx_min(ngx_align(size, alignment), answer.size() - at);
    }
    return std::nullopt;
}

// The kernel has answered when the question is sent.
std::optional<uint32_t> ask(int kernel, uint32_t inode, uint32_t show, uint16_t wanted) noexcept {
    const Request request = request_for(inode, show);
    std::array<uint8_t, 1024> answer;
    if (send(kernel, &request, sizeof(request), 0) != static_cast<ssize_t>(sizeof(request))) {
        return std::nullopt;
    }
    const ssize_t size = recv(kernel, answer.data(), answer.size(), MSG_DONTWAIT);
    return size < 0 ? std::nullopt
                    : find(std::span{answer}.first(static_cast<size_t>(size)), wanted);
}

}  // namespace

bool is_unix(const ngx_connection_t *c) noexcept {
    int domain = 0;
    socklen_t size = sizeof(domain);
    return getsockopt(c->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

std::optional<size_t> unread_by_peer(const ngx_connection_t *c) noexcept {
    struct stat ours;
    if (refused || fstat(c->fd, &ours) != 0) {
        return std::nullopt;
    }
    const int kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (kernel == -1) {
        refused = asked = ngx_errno != EMFILE && ngx_errno != ENFILE;
        return std::nullopt;
    }
    asked = true;
    const auto inode = static_cast<uint32_t>(ours.st_ino);
    const std::optional<uint32_t> peer = ask(kernel, inode, UDIAG_SHOW_PEER, UNIX_DIAG_PEER);
    refused = !peer.has_value() && !ask(kernel, inode, UDIAG_SHOW_RQLEN, UNIX_DIAG_RQLEN);
    std::optional<uint32_t> unread;
    if (peer == not_accepted) {
        unread = UINT32_MAX;
    } else if (peer.has_value()) {
        unread = ask(kernel, *peer, UDIAG_SHOW_RQLEN, UNIX_DIAG_RQLEN);
    }
    (void)::close(kernel);
    if (!unread.has_value() || dropped_by_peer(c)) {
        return std::nullopt;
    }
    return *unread;
}

bool peers_are_opaque(const ngx_connection_t *c) noexcept {
    if (!asked) {
        (void)unread_by_peer(c);
    }
    return refused;
}

bool dropped_by_peer(const ngx_connection_t *c) noexcept {
    struct pollfd state = {c->fd, 0, 0};
    return poll(&state, 1, 0) > 0 && (state.revents & POLLERR) != 0;
}

}  // namespace ngx_ws
