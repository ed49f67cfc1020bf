#include "module/ws_resume/claim.hpp"

#include "module/ws_resume/asked.hpp"
#include "module/ws_resume/identity.hpp"

#include "ngx_ws_filter/ws_resume/breach.hpp"

namespace ngx_ws {

namespace {

constexpr Claim unknown = {.session = nullptr,
                           .match = ws::SidMatch::unknown,
                           .fresh = {},
                           .client_has = 0,
                           .code = ws::resume_close::unknown_sid,
                           .why = "unknown session"};

Claim refusal(ws::Breach breach) noexcept {
    Claim claim = unknown;
    claim.code = ws::close_code(breach);
    claim.why = ws::words(breach);
    return claim;
}

// Compares with secrets of nobody where there is no such session.
Resumable *find(const ws::Sid &sid, bool is_one, ws::SidMatch &match) noexcept {
    static constexpr ws::SidSecret nobodys{};
    const bool is_ours = is_one && sid.node == node_name() && sid.worker == worker_number();
    auto *found = static_cast<Resumable *>(is_ours ? sessions().find(sid.session) : nullptr);
    match = found == nullptr ? ws::Sids(nobodys).match(sid.secret) : found->match(sid.secret);
    return match == ws::SidMatch::unknown ? nullptr : found;
}

}  // namespace

Claim check_claim(ngx_http_request_t *r, const Asked &asked) noexcept {
    ws::Sid sid = {};
    const bool is_one = ws::read_sid(asked.request.sid, sid);
    Claim claim = unknown;
    Resumable *session = find(sid, is_one, claim.match);
    if (session == nullptr || !session->belongs_to(r, asked.name)) {
        return unknown;
    }
    if (!asked.request.has_ack) {
        return refusal(ws::Breach::ack_ahead);
    }
    if (const ws::Breach breach = session->check_ack(asked.request.ack);
        breach != ws::Breach::none) {
        return refusal(breach);
    }
    if (make_secret(claim.fresh)) {
        claim.session = session;
        claim.client_has = asked.request.ack;
    }
    return claim;
}

}  // namespace ngx_ws
