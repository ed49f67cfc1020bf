#include "ngx_ws_filter/ws_framing/framing.hpp"

namespace ws {

std::string_view words(BackendFault fault) noexcept {
    switch (fault) {
        case BackendFault::none:
            return {};
        case BackendFault::text_not_utf8:
            return "backend sent bytes that are not UTF-8";
        case BackendFault::line_too_long:
            return "backend sent a line that is too long";
        case BackendFault::line_cut:
            return "backend was cut off inside a line";
        case BackendFault::message_too_long:
            return "backend sent a message that is too long";
        case BackendFault::message_cut:
            return "backend closed inside a message";
        case BackendFault::record_too_short:
            return "backend sent a record that is shorter than its length";
        case BackendFault::record_too_long:
            return "backend sent a record that is too long";
        case BackendFault::record_type_unknown:
            return "backend sent a record of unknown type";
        case BackendFault::record_cut:
            return "backend closed inside a record";
    }
    return {};
}

}  // namespace ws
