#include "t/unit/ws_relay/scripted.hpp"

#include "ngx_ws_filter/ws_relay/translator.hpp"
#include "t/unit/client_stream.hpp"
#include "t/unit/compression_states.hpp"
#include "t/unit/server_frames.hpp"

using namespace std::string_view_literals;
using unit::ClientStream;
using unit::ScriptedHost;
using ws::Event;
using ws::Session;

namespace {

constexpr ws::FramingSettings line{.kind = ws::FramingKind::line};
constexpr ws::FramingSettings u16{.kind = ws::FramingKind::length, .length_size = 2};
constexpr auto rose = "a rose is a rose is a rose is a rose"sv;

// Lends as often as the test allows, and counts.
class ScriptedLender final : public ws::Lender {
public:
    ws::Framer *framer = nullptr;
    ws::Compression *compression = nullptr;
    bool has_inflater = true;
    unsigned memory_lent = 0;
    unsigned most_memory = 0;
    unsigned taken_back = 0;

    [[nodiscard]] bool lend_inflater() noexcept override {
        compression->lend(&inflater_);
        return has_inflater;
    }
    void lend_deflater() noexcept override {
        if (compression != nullptr) {
            compression->lend(&deflater_);
        }
    }
    [[nodiscard]] bool lend_memory() noexcept override {
        if (memory_lent == most_memory) {
            return false;
        }
        ++memory_lent;
        framer->hold_in({memory_.data(), memory_lent * memory_.size() / 4});
        return true;
    }
    void take_back() noexcept override { ++taken_back; }

private:
    std::array<std::uint8_t, 80> memory_;
    unit::OwnInflater inflater_;
    unit::OwnDeflater deflater_;
};

// What the client sends becomes the backend's, and the other way round.
struct Passing {
    Passing(ws::Translator &translator, std::size_t scratch = 1000)
        : host(scratch), translator_(translator) {}

    ScriptedHost host;

    // Until the translator wants something else. The passage is over then.
    Event take(const ClientStream &stream) {
        received_ = unit::text(stream.bytes());
        return take(
            std::span{reinterpret_cast<std::uint8_t *>(received_.data()), received_.size()});
    }
    Event take(std::span<std::uint8_t> bytes) {
        ws::Passage passage = translator_.begin(bytes, host.scratch());
        Event event;
        do {
            event = translator_.next(passage);
        } while (event == Event::ping || event == Event::pong);
        unit::equal(passage.size(), passage.data().size());
        for_backend += unit::text(passage.data());
        rest = passage.rest();
        answers = passage.answers.size();
        in_place = passage.begin == bytes.data();
        translator_.finish();
        return event;
    }
    // Behind as much headroom as a relay leaves.
    ws::Frames wrap(std::string_view payload) {
        const std::span<std::uint8_t> place =
            host.scratch().wrapped.subspan(Session::headroom, payload.size());
        std::ranges::copy(unit::bytes(payload), place.begin());
        return translator_.wrap(place, host.scratch());
    }

    std::string for_backend;
    std::span<std::uint8_t> rest;
    std::size_t answers = 0;
    bool in_place = false;

private:
    ws::Translator &translator_;
    std::string received_;
};

std::string frames_of(const ws::Frames &frames) {
    return unit::as_text(unit::text(frames.bytes));
}

// --- bytes as they are

void passes_a_clients_data_on_in_place(void **) {
    Session session({});
    ws::Translator translator(session);
    Passing passing(translator);
    ClientStream stream;
    stream.frame(0x82, "hello").frame(0x89, "x").frame(0x81, " world");
    unit::equal(passing.take(stream), Event::exhausted);
    unit::equal(passing.for_backend, "hello world"sv);
    unit::check(passing.in_place);
    unit::equal(passing.rest.size(), 0);
    unit::equal(passing.answers, passing.host.scratch().wrapped.size());
    unit::equal(translator.held() + translator.held_in_stream(), 0);
}

void tells_what_it_meets(void **) {
    Session session({});
    ws::Translator translator(session);
    Passing passing(translator);
    ClientStream stream;
    stream.frame(0x82, "hello").frame(0x88, "");
    unit::equal(passing.take(stream), Event::close);
    unit::equal(passing.for_backend, "hello"sv);
}

void wraps_a_backends_bytes_in_place(void **) {
    Session session({});
    ws::Translator translator(session);
    Passing passing(translator);
    const ws::Frames frames = passing.wrap("hello");
    unit::equal(frames_of(frames), "binary hello; "sv);
    unit::equal(frames.payload, 5);
    unit::equal(frames.fault, ""sv);
    unit::check(translator.passes_bytes());
    unit::equal(translator.most(passing.host.scratch()), 1000);
}

void tells_text_that_is_none(void **) {
    Session session({.outgoing = ws::Opcode::text});
    ws::Translator translator(session);
    Passing passing(translator);
    unit::check(!translator.passes_bytes());
    const ws::Frames frames = passing.wrap("good\xff");
    unit::equal(frames_of(frames), "text good; "sv);
    unit::equal(frames.payload, 4);
    unit::equal(frames.fault, "backend sent bytes that are not UTF-8"sv);
}

void holds_a_part_of_a_code_point_back(void **) {
    Session session({.outgoing = ws::Opcode::text});
    ws::Translator translator(session);
    Passing passing(translator);
    const ws::Frames nothing = passing.wrap("\xe2\x82");
    unit::check(nothing.bytes.empty());
    unit::equal(nothing.payload, 0);
    unit::equal(nothing.fault, ""sv);
    unit::equal(frames_of(passing.wrap("\xac.")), "text \xe2\x82\xac.; "sv);
    unit::equal(translator.end(passing.host.scratch()).fault, ""sv);
    static_cast<void>(passing.wrap("\xe2\x82"));
    translator.cut();
    const ws::Frames end = translator.end(passing.host.scratch());
    unit::check(end.bytes.empty());
    unit::equal(end.fault, "backend closed inside a UTF-8 code point"sv);
}

// --- framings

struct Framed {
    explicit Framed(const ws::FramingSettings &of, bool repairs = false)
        : settings(of),
          framer(settings),
          session({.outgoing = repairs ? ws::Opcode::text : ws::Opcode::binary,
                   .framer = &framer,
                   .repairs_text = repairs}),
          translator(session, {.framer = &framer, .repairs_text = repairs}, lender) {
        lender.framer = &framer;
    }

    ws::FramingSettings settings;
    ws::Framer framer;
    Session session;
    ScriptedLender lender;
    ws::CopyingTranslator translator;
};

void makes_a_line_of_each_message_and_back(void **) {
    Framed framed(line);
    Passing passing(framed.translator);
    unit::check(!framed.translator.passes_bytes());
    unit::equal(passing.take(ClientStream{}.frame(0x82, "one").frame(0x82, "two")),
                Event::exhausted);
    unit::equal(passing.for_backend, "one\ntwo\n"sv);
    unit::check(!passing.in_place);
    unit::equal(framed.lender.taken_back, 1);
    unit::equal(frames_of(passing.wrap("three\nfour\n")), "binary three; binary four; "sv);
    unit::equal(framed.translator.wrap({}, passing.host.scratch()).payload, 0);
}

void waits_where_there_is_no_room_for_what_comes_out(void **) {
    Framed framed(line);
    Passing passing(framed.translator, 20);
    unit::equal(passing.take(ClientStream{}.frame(0x82, "ten bytes.").frame(0x82, "and more.")),
                Event::room_full);
    unit::check(!passing.rest.empty());
    Event event = Event::room_full;
    while (event == Event::room_full) {
        event = passing.take(passing.rest);
    }
    unit::equal(event, Event::exhausted);
    unit::equal(passing.for_backend, "ten bytes.\nand more.\n"sv);
}

void leaves_room_for_control_frames_behind_what_comes_out(void **) {
    Framed framed(line);
    Passing passing(framed.translator, 100);
    unit::equal(passing.take(ClientStream{}.frame(0x82, "x")), Event::exhausted);
    unit::equal(passing.answers, passing.host.scratch().wrapped.size() - 100);
}

void borrows_memory_for_a_message_that_has_to_be_whole(void **) {
    Framed framed(u16);
    Passing passing(framed.translator);
    framed.lender.most_memory = 4;
    unit::equal(passing.take(ClientStream{}.frame(0x02, "thirty bytes, more than a loan")),
                Event::exhausted);
    unit::equal(passing.for_backend, ""sv);
    unit::equal(framed.translator.held(), 30);
    unit::equal(framed.translator.held_in_stream(), 2 + 30);
    unit::check(framed.lender.memory_lent >= 2);
    unit::equal(passing.take(ClientStream{}.frame(0x80, "!")), Event::exhausted);
    unit::equal(passing.for_backend, "\x00\x1fthirty bytes, more than a loan!"sv);
    unit::equal(framed.translator.held(), 0);
}

void tells_where_no_memory_is_left_to_borrow(void **) {
    Framed framed(u16);
    Passing passing(framed.translator);
    framed.lender.most_memory = 1;
    unit::equal(passing.take(ClientStream{}.frame(0x02, "thirty bytes, more than a loan")),
                Event::memory_full);
}

void tells_a_backends_fault_behind_what_was_good(void **) {
    Framed framed(ws::FramingSettings{.kind = ws::FramingKind::typed, .length_size = 1});
    Passing passing(framed.translator);
    const ws::Frames frames = passing.wrap("\x02\x02hi\x01\x07x"sv);
    unit::equal(frames_of(frames), "binary hi; "sv);
    unit::equal(frames.fault, words(ws::BackendFault::record_type_unknown));
}

void ends_a_line_that_has_no_end_and_tells_one_that_is_cut(void **) {
    Framed whole(line);
    Passing passing(whole.translator);
    static_cast<void>(passing.wrap("last"));
    unit::equal(whole.translator.end(passing.host.scratch()).fault, ""sv);

    Framed cut(line);
    Passing broken(cut.translator);
    static_cast<void>(broken.wrap("last"));
    cut.translator.cut();
    unit::equal(cut.translator.end(broken.host.scratch()).fault, words(ws::BackendFault::line_cut));
}

void takes_only_as_much_as_its_frames_have_room_for(void **) {
    Framed framed(line);
    const ScriptedHost host(1000);
    unit::equal(framed.translator.most(host.scratch()), Session::max_framed(1000));
    Framed repairing(line, true);
    unit::equal(repairing.translator.most(host.scratch()), Session::max_framed(1000, true));
    unit::check(repairing.translator.most(host.scratch()) < framed.translator.most(host.scratch()));
}

// --- repaired text

void repairs_a_backends_text(void **) {
    Session session({.outgoing = ws::Opcode::text, .repairs_text = true});
    ScriptedLender lender;
    ws::CopyingTranslator translator(session, {.repairs_text = true}, lender);
    Passing passing(translator);
    const ws::Frames frames = passing.wrap(
        "a\xff"
        "b\xe2\x82");
    unit::equal(frames_of(frames),
                "text a\xef\xbf\xbd"
                "b; "sv);
    unit::equal(frames.fault, ""sv);
    unit::check(passing.wrap("\xac").payload == 3);
    // What waits when the backend ends is repaired too.
    unit::check(passing.wrap("\xe2").bytes.empty());
    unit::equal(frames_of(translator.end(passing.host.scratch())), "text \xef\xbf\xbd; "sv);
    unit::check(translator.end(passing.host.scratch()).bytes.empty());
    translator.cut();
}

void takes_in_place_what_only_its_answer_has_to_be_repaired(void **) {
    Session session({.outgoing = ws::Opcode::text, .repairs_text = true});
    ScriptedLender lender;
    ws::CopyingTranslator translator(session, {.repairs_text = true}, lender);
    Passing passing(translator);
    unit::equal(passing.take(ClientStream{}.frame(0x82, "hello")), Event::exhausted);
    unit::equal(passing.for_backend, "hello"sv);
    unit::check(passing.in_place);
    unit::equal(translator.held() + translator.held_in_stream(), 0);
    unit::check(translator.most(passing.host.scratch()) <
                ws::Utf8Repair::max_taken(passing.host.scratch().received.size()));
}

// What the longest read becomes fits into the room that there is.
void repairs_as_much_as_it_takes(void **) {
    Session session({.outgoing = ws::Opcode::text, .repairs_text = true});
    ScriptedLender lender;
    ws::CopyingTranslator translator(session, {.repairs_text = true}, lender);
    Passing passing(translator);
    const std::string all(translator.most(passing.host.scratch()), '\xff');
    unit::equal(passing.wrap(all).payload, 3 * all.size());
}

// --- compression

struct Compressed {
    explicit Compressed(ws::Opcode outgoing = ws::Opcode::binary)
        : compression({.server_no_takeover = true, .client_no_takeover = true}, 1),
          session({.outgoing = outgoing, .compression = &compression}),
          translator(session, {.compression = true}, lender) {
        lender.compression = &compression;
    }

    ws::Compression compression;
    Session session;
    ScriptedLender lender;
    ws::CopyingTranslator translator;
};

void deflates_what_a_backend_sends_and_inflates_what_a_client_does(void **) {
    Compressed compressed;
    Passing passing(compressed.translator);
    const ws::Frames frames = passing.wrap(rose);
    unit::equal(frames.bytes[0], 0xc2);
    unit::check(frames.payload < rose.size());
    unit::equal(frames.payload, frames.bytes.size() - 2);
    unit::equal(compressed.lender.taken_back, 1);
    const std::string payload(unit::text(frames.bytes.subspan(2)));
    unit::equal(passing.take(ClientStream{}.frame(0xc2, payload)), Event::exhausted);
    unit::equal(passing.for_backend, rose);
    unit::check(!compressed.translator.passes_bytes());
    unit::equal(compressed.translator.most(passing.host.scratch()), Session::max_payload(1000));
    unit::equal(compressed.translator.end(passing.host.scratch()).fault, ""sv);
}

void tells_where_no_inflater_is_left_to_borrow(void **) {
    Compressed compressed;
    compressed.lender.has_inflater = false;
    Passing passing(compressed.translator);
    unit::equal(passing.take(ClientStream{}.frame(0x82, "hello")), Event::memory_full);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(passes_a_clients_data_on_in_place),
        cmocka_unit_test(tells_what_it_meets),
        cmocka_unit_test(wraps_a_backends_bytes_in_place),
        cmocka_unit_test(tells_text_that_is_none),
        cmocka_unit_test(holds_a_part_of_a_code_point_back),
        cmocka_unit_test(makes_a_line_of_each_message_and_back),
        cmocka_unit_test(waits_where_there_is_no_room_for_what_comes_out),
        cmocka_unit_test(leaves_room_for_control_frames_behind_what_comes_out),
        cmocka_unit_test(borrows_memory_for_a_message_that_has_to_be_whole),
        cmocka_unit_test(tells_where_no_memory_is_left_to_borrow),
        cmocka_unit_test(tells_a_backends_fault_behind_what_was_good),
        cmocka_unit_test(ends_a_line_that_has_no_end_and_tells_one_that_is_cut),
        cmocka_unit_test(takes_only_as_much_as_its_frames_have_room_for),
        cmocka_unit_test(repairs_a_backends_text),
        cmocka_unit_test(takes_in_place_what_only_its_answer_has_to_be_repaired),
        cmocka_unit_test(repairs_as_much_as_it_takes),
        cmocka_unit_test(deflates_what_a_backend_sends_and_inflates_what_a_client_does),
        cmocka_unit_test(tells_where_no_inflater_is_left_to_borrow),
    };
    return unit::run("ws_relay/translator", tests);
}
