#include "module/ws_resume/end_of_leg.hpp"

namespace ngx_ws {

EndOfLeg end_of_leg(const ws::Session &session, const ws::Relay &relay) noexcept {
    if (session.close_received()) {
        return {ws::Side::client, session.peer_status().code, {}};
    }
    if (relay.tunnel().client_has_stalled()) {
        return {ws::Side::gateway, ws::CloseCode::abnormal, "client takes no data"};
    }
    return {ws::Side::client, ws::CloseCode::abnormal, "connection lost"};
}

}  // namespace ngx_ws
