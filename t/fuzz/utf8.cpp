// Utf8Validator and cut_code_point(), against a slow reference.
#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/utf8.hpp"
#include "t/fuzz/utf8_reference.hpp"

using fuzz::Input;
using fuzz::require;

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

    if (valid) {
        require(ws::cut_code_point(input.content()) == wanted.pending);
    }
    return 0;
}
