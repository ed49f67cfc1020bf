#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>

#include "ngx_ws_filter/ws_handshake/accept_key.hpp"

using namespace std::string_view_literals;

namespace {

void accepts(std::string_view key, std::string_view wanted) {
    std::array<char, ws::accept_key_size> accept{};
    unit::check(ws::make_accept_key(key, accept));
    unit::equal(std::string_view(accept.data(), accept.size()), wanted);
}

void answers_the_key_of_the_rfc(void **) {
    accepts("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

void answers_other_keys(void **) {
    accepts("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    accepts("AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
}

void writes_nothing_behind_the_answer(void **) {
    struct {
        std::array<char, ws::accept_key_size> accept{};
        char behind = 'x';
    } answer;
    unit::check(ws::make_accept_key("dGhlIHNhbXBsZSBub25jZQ==", answer.accept));
    unit::equal(answer.behind, 'x');
}

void answers_no_key_of_another_length(void **) {
    std::array<char, ws::accept_key_size> accept{};
    unit::check(!ws::make_accept_key("", accept));
    unit::check(!ws::make_accept_key("dGhlIHNhbXBsZSBub25jZQ=", accept));
    unit::check(!ws::make_accept_key("dGhlIHNhbXBsZSBub25jZQ===", accept));
}

void takes_the_whole_base64_alphabet(void **) {
    unit::check(ws::is_valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
    unit::check(ws::is_valid_key("ABCDEFGHIJKLMNOPQRSTUV=="));
    unit::check(ws::is_valid_key("WXYZabcdefghijklmnopqr=="));
    unit::check(ws::is_valid_key("stuvwxyz0123456789+/AA=="));
}

void refuses_a_key_of_another_length(void **) {
    unit::check(!ws::is_valid_key(""));
    unit::check(!ws::is_valid_key("=="));
    unit::check(!ws::is_valid_key("dGhlIHNhbXBsZSBub25jZ=="));
    unit::check(!ws::is_valid_key("dGhlIHNhbXBsZSBub25jZQA=="));
    unit::check(!ws::is_valid_key("dGhlIHNhbXBsZSBub25jZQ==="));
    unit::check(!ws::is_valid_key("dGhlIHNhbXBsZSBub25jZSBhbmQ="));
}

void refuses_a_key_of_17_or_18_bytes(void **) {
    unit::check(!ws::is_valid_key("dGhlIHNhbXBsZSBub25jZWU="));
    unit::check(!ws::is_valid_key("dGhlIHNhbXBsZSBub25jZWVl"));
}

void refuses_every_character_outside_the_alphabet(void **) {
    constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"sv;
    constexpr auto valid = "dGhlIHNhbXBsZSBub25jZQ=="sv;
    for (std::size_t at = 0; at < valid.size(); at++) {
        for (int i = 0; i < 256; i++) {
            const char c = static_cast<char>(i);
            std::array<char, valid.size()> key;
            std::copy(valid.begin(), valid.end(), key.begin());
            key[at] = c;
            const bool wanted = at < 22 ? alphabet.find(c) != alphabet.npos : c == '=';
            unit::equal(ws::is_valid_key({key.data(), key.size()}), wanted);
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(answers_the_key_of_the_rfc),
        cmocka_unit_test(answers_other_keys),
        cmocka_unit_test(writes_nothing_behind_the_answer),
        cmocka_unit_test(answers_no_key_of_another_length),
        cmocka_unit_test(takes_the_whole_base64_alphabet),
        cmocka_unit_test(refuses_a_key_of_another_length),
        cmocka_unit_test(refuses_a_key_of_17_or_18_bytes),
        cmocka_unit_test(refuses_every_character_outside_the_alphabet),
    };
    return unit::run("accept_key", tests);
}
