#include "ngx_ws_filter/ws_resume/breach.hpp"

namespace ws {

CloseCode close_code(Breach breach) noexcept {
    switch (breach) {
        case Breach::none:
            return CloseCode::normal;
        case Breach::text_message:
            return CloseCode::unsupported_data;
        case Breach::data_too_long:
        case Breach::long_data_too_long:
            return CloseCode::message_too_big;
        case Breach::window_exceeded:
            return CloseCode::policy_violation;
        case Breach::ack_back:
            return resume_close::ack_back;
        case Breach::ack_ahead:
            return resume_close::ack_ahead;
        default:
            return CloseCode::protocol_error;
    }
}

std::string_view words(Breach breach) noexcept {
    switch (breach) {
        case Breach::none:
            return {};
        case Breach::text_message:
            return "command is a text message";
        case Breach::message_too_short:
            return "command has no tag";
        case Breach::length_wrong:
            return "command has a wrong length";
        case Breach::data_too_long:
            return "DATA is longer than 16384 bytes";
        case Breach::long_data_too_long:
            return "DATA is longer than 65536 bytes";
        case Breach::gateway_command:
            return "command is sent by gateways alone";
        case Breach::part_empty:
            return "PART without bytes";
        case Breach::empty_inside_message:
            return "EMPTY inside a message";
        case Breach::empty_skips:
            return "EMPTY leaves an ordinal out";
        case Breach::data_after_eof:
            return "data after EOF";
        case Breach::eof_elsewhere:
            return "EOF is not where the stream ends";
        case Breach::window_exceeded:
            return "window is exceeded";
        case Breach::ack_back:
            return "ACK goes back";
        case Breach::ack_ahead:
            return "ACK of what was not sent";
    }
    return {};
}

}  // namespace ws
