#include "t/unit/unit.hpp"

#include <array>

#include "t/unit/inflating.hpp"

using namespace std::string_view_literals;
using unit::hello;
using unit::hello_final;
using unit::inflates;
using unit::OwnInflater;
using unit::refuses;
using ws::InflateStatus;

namespace {

// A final block needs no tail, and no bytes are an empty message.
void inflates_what_only_nearly_follows_the_rfc(void **) {
    inflates(hello_final.substr(0, hello_final.size() - 1), "Hello");
    inflates("", "");
}

// What a receiver puts back is data like any other to the block it falls into (section 7.2.2).
void inflates_a_stored_block_that_the_tail_completes(void **) {
    inflates("\x00\x09\x00\xf6\xffHello"sv, "Hello\x00\x00\xff\xff"sv);
}

// Its codes are such that the tail is two matches and a half, each of zero bits, the rest of the
// third, which is all ones, and the end of the block: with its last bit. So the end is known only
// to who has written the match, which a full room delays until nothing is left to be read.
void inflates_a_huffman_block_that_the_tail_completes(void **) {
    std::array<char, 941> zeros{};
    inflates("\xe4\xca\xb1\x01\xc0\x30\x0c\xc3\x30\xca\xe9\xff\x37\xf7\x10\x60\x46\x01"sv,
             {zeros.data(), zeros.size()});
}

void refuses_a_message_that_ends_inside_a_block(void **) {
    for (std::size_t size = 1; size < hello.size(); ++size) {
        refuses(hello.substr(0, size));
    }
    refuses("\x00\x05\x00\xfa\xffHel"sv);
    refuses("\x02");
}

// However often the room is full before that is seen.
void refuses_a_final_block_that_ends_in_the_tail(void **) {
    std::array<std::uint8_t, 10> to;
    for (std::size_t room_size = 1; room_size <= to.size(); ++room_size) {
        OwnInflater inflater;
        const unit::Inflated result =
            unit::inflate(inflater, unit::bytes("\xfb"), to, {1, 1}, room_size);
        unit::equal(result.status, InflateStatus::broken);
        unit::equal(unit::text({to.data(), result.size}), "\xf0");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(inflates_what_only_nearly_follows_the_rfc),
        cmocka_unit_test(inflates_a_stored_block_that_the_tail_completes),
        cmocka_unit_test(inflates_a_huffman_block_that_the_tail_completes),
        cmocka_unit_test(refuses_a_message_that_ends_inside_a_block),
        cmocka_unit_test(refuses_a_final_block_that_ends_in_the_tail),
    };
    return unit::run("deflate_ends", tests);
}
