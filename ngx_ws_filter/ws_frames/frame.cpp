#include "ngx_ws_filter/ws_frames/frame.hpp"

namespace ws {

CloseCode close_code(Violation violation) noexcept {
    switch (violation) {
        case Violation::none:
            return CloseCode::normal;
        case Violation::text_not_utf8:
        case Violation::close_reason_not_utf8:
        case Violation::deflate_broken:
        case Violation::line_end_inside:
        case Violation::delimiter_inside:
            return CloseCode::invalid_payload;
        case Violation::message_too_big:
        case Violation::line_too_long:
            return CloseCode::message_too_big;
        default:
            return CloseCode::protocol_error;
    }
}

std::string_view words(Violation violation) noexcept {
    switch (violation) {
        case Violation::none:
            return {};
        case Violation::mask_missing:
            return "frame is not masked";
        case Violation::mask_unexpected:
            return "frame is masked";
        case Violation::reserved_bit:
            return "reserved bit is set";
        case Violation::unknown_opcode:
            return "opcode is unknown";
        case Violation::length_not_minimal:
            return "length is not in its shortest form";
        case Violation::length_top_bit:
            return "length has its top bit set";
        case Violation::control_fragmented:
            return "control frame is fragmented";
        case Violation::control_too_long:
            return "control frame is longer than 125 bytes";
        case Violation::continuation_unexpected:
            return "continuation without a message";
        case Violation::message_unfinished:
            return "new message inside another";
        case Violation::close_payload_too_short:
            return "close code is cut short";
        case Violation::close_code_invalid:
            return "close code is not allowed";
        case Violation::text_not_utf8:
            return "text is not UTF-8";
        case Violation::close_reason_not_utf8:
            return "close reason is not UTF-8";
        case Violation::deflate_broken:
            return "compressed message is broken";
        case Violation::message_too_big:
            return "message is too big";
        case Violation::line_too_long:
            return "line is too long";
        case Violation::line_end_inside:
            return "message holds a line end";
        case Violation::delimiter_inside:
            return "message holds a delimiter";
        case Violation::subprotocol_broken:
            return "message breaks the subprotocol";
    }
    return {};
}

}  // namespace ws
