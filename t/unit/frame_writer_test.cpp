#include "t/unit/unit.hpp"

#include <array>

#include "ngx_ws_filter/ws_frames/frame_writer.hpp"

using namespace std::string_view_literals;
using ws::Opcode;

namespace {

// The header as written before a payload; checks that nothing else was touched.
std::string_view header(const ws::FrameHeader &header) {
    static std::array<std::uint8_t, ws::max_header_size + 2> buffer;
    buffer.fill(0xee);
    std::uint8_t *payload = buffer.data() + 1 + ws::max_header_size;
    const std::uint8_t *begin = ws::write_header_before(payload, header);
    const auto size = static_cast<std::size_t>(payload - begin);
    unit::equal(size, ws::header_size(header.payload_length));
    for (const std::uint8_t *byte = buffer.data(); byte < begin; ++byte) {
        unit::equal(*byte, 0xee);
    }
    unit::equal(*payload, 0xee);
    return unit::text({begin, size});
}

std::string_view binary(std::uint64_t length) {
    return header({.opcode = Opcode::binary, .payload_length = length});
}

void writes_the_shortest_length(void **) {
    unit::equal(binary(0), "\x82\x00"sv);
    unit::equal(binary(1), "\x82\x01"sv);
    unit::equal(binary(125), "\x82\x7d"sv);
    unit::equal(binary(126), "\x82\x7e\x00\x7e"sv);
    unit::equal(binary(0x1234), "\x82\x7e\x12\x34"sv);
    unit::equal(binary(65'535), "\x82\x7e\xff\xff"sv);
    unit::equal(binary(65'536), "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"sv);
    unit::equal(binary(0x0123456789abcdef), "\x82\x7f\x01\x23\x45\x67\x89\xab\xcd\xef"sv);
    unit::equal(binary(0x7fffffffffffffff), "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"sv);
}

void writes_the_opcode_and_its_bits(void **) {
    unit::equal(header({.opcode = Opcode::text}), "\x81\x00"sv);
    unit::equal(header({.opcode = Opcode::text, .fin = false}), "\x01\x00"sv);
    unit::equal(header({.opcode = Opcode::continuation}), "\x80\x00"sv);
    unit::equal(header({.opcode = Opcode::binary, .compressed = true}), "\xc2\x00"sv);
    unit::equal(header({.opcode = Opcode::binary, .fin = false, .compressed = true}), "\x42\x00"sv);
}

std::string_view control(Opcode opcode, std::string_view payload) {
    static std::array<std::uint8_t, ws::max_control_frame + 1> buffer;
    buffer.fill(0xee);
    const std::size_t size = ws::write_control_frame(buffer.data(), opcode, unit::bytes(payload));
    unit::equal(buffer[size], 0xee);
    return unit::text({buffer.data(), size});
}

void writes_whole_control_frames(void **) {
    unit::equal(control(Opcode::pong, "abc"),
                "\x8a\x03"
                "abc"sv);
    unit::equal(control(Opcode::ping, {}), "\x89\x00"sv);
    unit::equal(control(Opcode::close, "\x03\xe8"), "\x88\x02\x03\xe8"sv);
}

void writes_control_frames_of_125_bytes(void **) {
    std::array<char, ws::max_control_payload> payload;
    payload.fill('x');
    const std::string_view frame = control(Opcode::pong, {payload.data(), payload.size()});
    unit::equal(frame.size(), ws::max_control_frame);
    unit::equal(frame.substr(0, 3),
                "\x8a\x7d"
                "x"sv);
    unit::equal(frame.back(), 'x');
}

void finds_the_header_that_it_wrote(void **) {
    for (const std::uint64_t length : {0U, 125U, 126U, 65'535U, 65'536U}) {
        const std::string_view written = binary(length);
        unit::equal(ws::header_size_of(unit::bytes(written)), written.size());
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_shortest_length),
        cmocka_unit_test(writes_the_opcode_and_its_bits),
        cmocka_unit_test(writes_whole_control_frames),
        cmocka_unit_test(writes_control_frames_of_125_bytes),
        cmocka_unit_test(finds_the_header_that_it_wrote),
    };
    return unit::run("frame_writer", tests);
}
