// Utf8Validator, Utf8Repair and cut_code_point(), against a slow reference.
#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_messages/utf8_repair.hpp"
#include "t/fuzz/utf8_reference.hpp"

using fuzz::Input;
using fuzz::require;

namespace {

// Each part is written to a room that is no larger than it must be.
void check_repair(const Input &input) {
    ws::Utf8Repair repair;
    std::string text;
    fuzz::in_parts(input, [&](fuzz::Bytes part) {
        const fuzz::Block room(ws::Utf8Repair::max_size(part.size()));
        require(ws::Utf8Repair::max_taken(room.span().size()) == part.size());
        text += fuzz::text(repair.take(part, room.span()));
    });
    require(text == fuzz::repair_utf8(fuzz::text(input.content()), false));
    const fuzz::Block room(ws::Utf8Repair::max_size(0));
    text += fuzz::text(repair.finish(room.span()));
    require(text == fuzz::repair_utf8(fuzz::text(input.content()), true));
    require(fuzz::judge_utf8(fuzz::bytes(text)).valid == text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const Input input({data, size});
    const fuzz::Utf8Judgement wanted = fuzz::judge_utf8(input.content());
    const bool valid = wanted.valid == input.content().size();

    ws::Utf8Validator at_once;
    fuzz::whole(input, [&](fuzz::Bytes part) {
        require(at_once.take(part) == valid);
        require(at_once.valid() == wanted.valid);
    });
    require(at_once.pending() == wanted.pending);
    require(at_once.complete() == (valid && wanted.pending == 0));

    ws::Utf8Validator in_parts;
    std::size_t taken = 0;
    fuzz::in_parts(input, [&](fuzz::Bytes part) {
        require(in_parts.take(part) == (taken + part.size() <= wanted.valid));
        require(in_parts.valid() == std::min(part.size(), wanted.valid - taken));
        taken += in_parts.valid();
    });
    require(in_parts.pending() == wanted.pending);
    require(in_parts.complete() == at_once.complete());

    check_repair(input);
    if (valid) {
        require(ws::cut_code_point(input.content()) == wanted.pending);
    }
    return 0;
}
