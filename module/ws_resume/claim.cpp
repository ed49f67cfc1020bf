#include "module/ws_resume/claim.hpp"

#include "module/ws_resume/identity.hpp"
#include "module/ws_resume/owner_socket.hpp"

#include "ngx_ws_filter/ws_resume/breach.hpp"

namespace ngx_ws {

namespace {

constexpr Claim unknown = {.session = nullptr,
                           .match = ws::SidMatch::unknown,
                           .fresh = {},
                           .client_has = 0,
                           .time_left = 0,
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
    const bool is_ours = is_one && sid.node == node_name();
    auto *found =
        static_cast<Resumable *>(is_ours ? sessions().find(sid.worker, sid.session) : nullptr);
    match = found == nullptr ? ws::Sids(nobodys).match(sid.secret) : found->match(sid.secret);
    return match == ws::SidMatch::unknown ? nullptr : found;
}

}  // namespace

Claim check_claim(const Claimant &claimant) noexcept {
    ws::Sid sid = {};
    const bool is_one = ws::read_sid(claimant.sid, sid);
    Claim claim = unknown;
    Resumable *session = find(sid, is_one, claim.match);
    if (session == nullptr || !session->belongs_to(claimant)) {
        return unknown;
    }
    if (!claimant.has_ack) {
        return refusal(ws::Breach::ack_ahead);
    }
    if (const ws::Breach breach = session->check_ack(claimant.ack); breach != ws::Breach::none) {
        return refusal(breach);
    }
    if (make_secret(claim.fresh)) {
        claim.session = session;
        claim.client_has = claimant.ack;
        claim.time_left = claimant.time_left;
    }
    return claim;
}

// A worker that has left a session to this one may still be there, and have others.
uint64_t other_owner(std::string_view text) noexcept {
    ws::Sid sid = {};
    const bool is_ours = ws::read_sid(text, sid) && sid.node == node_name();
    if (!is_ours || sessions().find(sid.worker, sid.session) != nullptr) {
        return 0;
    }
    return listens_for(sid.worker) ? 0 : sid.worker;
}

}  // namespace ngx_ws
