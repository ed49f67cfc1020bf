// The payload of a Close: what was read can be written, and what was written can be read.
#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_messages/close.hpp"
#include "t/fuzz/utf8_reference.hpp"

using fuzz::require;
using ws::CloseCode;
using ws::Violation;

namespace {

[[nodiscard]] bool is_utf8(std::string_view text) {
    const fuzz::Utf8Judgement judgement = fuzz::judge_utf8(fuzz::bytes(text));
    return judgement.valid == text.size() && judgement.pending == 0;
}

void read(fuzz::Bytes payload) {
    ws::CloseStatus status{};
    const Violation violation = ws::read_close(payload, status);
    require(violation != Violation::close_payload_too_short || payload.size() == 1);
    if (violation != Violation::none) {
        require(!payload.empty());
        return;
    }
    require(is_utf8(status.reason));
    require((status.code == CloseCode::no_status) == payload.empty());

    const fuzz::Block written(ws::max_control_payload);
    const std::size_t size = ws::write_close(written.span().data(), status.code, status.reason);
    require(std::ranges::equal(written.span().first(size), payload));
}

void write(std::uint16_t code, std::string_view reason) {
    const fuzz::Block written(ws::max_control_payload);
    const std::size_t size =
        ws::write_close(written.span().data(), static_cast<CloseCode>(code), reason);
    require(size <= ws::max_control_payload);
    ws::CloseStatus status{};
    const Violation violation = ws::read_close(written.span().first(size), status);
    if (!ws::may_be_sent(code)) {
        require(size == 0);
        return;
    }
    require(reason.starts_with(status.reason) || violation != Violation::none);
    if (is_utf8(reason)) {
        require(violation == Violation::none && status.code == static_cast<CloseCode>(code));
        require(status.reason == reason || (reason.size() > ws::max_close_reason &&
                                            status.reason.size() > ws::max_close_reason - 4));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const fuzz::Block all({data, size});
    const fuzz::Bytes bytes = all.span();
    read(bytes.first(std::min(size, ws::max_control_payload)));
    if (size >= 2) {
        write(static_cast<std::uint16_t>(bytes[0] << 8U | bytes[1]), fuzz::text(bytes.subspan(2)));
    }
    return 0;
}
