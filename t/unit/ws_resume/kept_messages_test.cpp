#include "t/unit/client_stream.hpp"
#include "t/unit/ws_resume/replay_lender.hpp"

#include "ngx_ws_filter/ws_resume/kept_messages.hpp"

#include <array>

using namespace std::literals;
using unit::Transcript;
using ws::KeptMessages;
using ws::Tag;

namespace {

void add(KeptMessages &kept, std::string_view part, bool ends = true) {
    unit::check(kept.append(unit::bytes(part), ends));
}

// A client: what it has received so far, in messages and of the last one.
class Client {
public:
    // False if there was nothing for it.
    bool take(KeptMessages &kept) {
        KeptMessages::Piece piece{};
        if (!kept.next(received_, ws::max_data, piece)) {
            return false;
        }
        kept.sent(piece);
        if (piece.tag == Tag::empty) {
            unit::check(!open_ && piece.number <= empties_);
            if (piece.number == empties_) {
                ++empties_;
                said_.add("<>");
            }
            return true;
        }
        unit::equal(piece.number, received_);
        unit::check(piece.size >= 1 && piece.size <= ws::max_data);
        std::array<std::uint8_t, 64> room;
        unit::equal(kept.read(piece.number, std::span{room}.first(piece.size)), piece.size);
        said_.add(open_ ? "" : "<").add(unit::Bytes(room).first(piece.size));
        open_ = piece.tag == Tag::part;
        said_.add(open_ ? "" : ">");
        received_ += piece.size;
        return true;
    }

    void take_all(KeptMessages &kept) {
        while (take(kept)) {
        }
    }

    [[nodiscard]] std::uint64_t received() const { return received_; }
    [[nodiscard]] std::string_view text() const { return said_.text(); }

private:
    Transcript said_;
    std::uint64_t received_ = 0;
    std::uint64_t empties_ = 0;
    bool open_ = false;
};

void comes_back(KeptMessages &kept, const Client &client) {
    kept.acknowledge(client.received());
    kept.begin_leg();
}

void sends_messages_as_they_are_added(void **) {
    unit::ReplayLender lender(8);
    KeptMessages kept(lender);
    Client client;
    unit::check(!client.take(kept));
    add(kept, "one");
    client.take_all(kept);
    unit::equal(client.text(), "<one>");
    add(kept, "");
    add(kept, "");
    add(kept, "two");
    client.take_all(kept);
    unit::equal(client.text(), "<one><><><two>");
}

void sends_empty_messages_before_any_other(void **) {
    unit::ReplayLender lender(8);
    KeptMessages kept(lender);
    Client client;
    add(kept, "");
    client.take_all(kept);
    add(kept, "");
    add(kept, "x");
    client.take_all(kept);
    unit::equal(client.text(), "<><><x>");
}

// The last byte is the one that ends it.
void holds_a_byte_of_a_message_that_goes_on(void **) {
    unit::ReplayLender lender(8);
    KeptMessages kept(lender);
    Client client;
    add(kept, "a", false);
    unit::check(!client.take(kept));
    add(kept, "bc", false);
    client.take_all(kept);
    unit::equal(client.text(), "<ab");
    add(kept, "", false);
    unit::check(!client.take(kept));
    add(kept, "");
    client.take_all(kept);
    unit::equal(client.text(), "<abc>");
}

void cuts_long_messages(void **) {
    unit::ReplayLender lender(16'000);
    KeptMessages kept(lender);
    static std::array<std::uint8_t, 40'000> bytes;
    unit::check(kept.append(bytes, false));
    KeptMessages::Piece piece{};
    std::uint64_t position = 0;
    const auto gets = [&](Tag tag, std::size_t size) {
        unit::check(kept.next(position, ws::max_data, piece));
        unit::check(piece.tag == tag && piece.number == position && piece.size == size);
        kept.sent(piece);
        position += size;
    };
    gets(Tag::part, 16'384);
    gets(Tag::part, 16'384);
    add(kept, "");
    gets(Tag::data, 40'000 - 32'768);
    unit::check(!kept.next(position, ws::max_data, piece));

    position = 40'000 - 16'384;
    gets(Tag::data, 16'384);
    position = 40'000 - 16'385;
    gets(Tag::part, 16'384);
    gets(Tag::data, 1);
}

constexpr std::string_view script = "ab||c||||def|g||hi|";

void add_script(KeptMessages &kept, std::size_t begin = 0) {
    for (const char c : script.substr(begin)) {
        const bool ends = c == '|';
        add(kept, ends ? ""sv : std::string_view{&c, 1}, ends);
    }
}

constexpr std::string_view script_text = "<ab><><c><><><><def><g><><hi>";

// The client is cut behind each command, and has acknowledged any of the bytes that it has.
void sends_again_what_was_not_acknowledged(void **) {
    for (std::size_t before = 0; before <= script_text.size(); ++before) {
        for (std::size_t again = 0; again <= 5; ++again) {
            for (std::uint64_t behind = 0; behind <= 3; ++behind) {
                unit::ReplayLender lender(16);
                KeptMessages kept(lender);
                add_script(kept);
                Client client;
                for (std::size_t i = 0; i < before; ++i) {
                    (void)client.take(kept);
                    kept.acknowledge(client.received() - std::min(behind, client.received()));
                }
                comes_back(kept, client);
                for (std::size_t i = 0; i < again; ++i) {
                    (void)client.take(kept);
                }
                comes_back(kept, client);
                client.take_all(kept);
                unit::equal(client.text(), script_text);
            }
        }
    }
}

// The service goes on all the while.
void goes_on_between_legs(void **) {
    for (std::size_t begin = 0; begin <= script.size(); ++begin) {
        for (std::size_t taken = 0; taken <= 12; ++taken) {
            unit::ReplayLender lender(16);
            KeptMessages kept(lender);
            Client client;
            for (const char c : script.substr(0, begin)) {
                add(kept, c == '|' ? ""sv : std::string_view{&c, 1}, c == '|');
                for (std::size_t i = 0; i < taken; ++i) {
                    (void)client.take(kept);
                }
            }
            comes_back(kept, client);
            (void)client.take(kept);
            add_script(kept, begin);
            client.take_all(kept);
            unit::equal(client.text(), script_text);
        }
    }
}

// A client that throws away what its application did not take names an earlier position.
void goes_back_to_what_was_acknowledged(void **) {
    unit::ReplayLender lender(16);
    KeptMessages kept(lender);
    add_script(kept);
    Client first;
    first.take_all(kept);
    kept.begin_leg();
    Client second;
    second.take_all(kept);
    unit::equal(second.text(), script_text);
}

void skips_what_the_client_has_after_all(void **) {
    unit::ReplayLender lender(16);
    KeptMessages kept(lender);
    add_script(kept);
    Client client;
    for (int i = 0; i < 7; ++i) {
        unit::check(client.take(kept));
    }
    unit::equal(client.text(), "<ab><><c><><><><def>");
    kept.begin_leg();
    kept.acknowledge(client.received());
    client.take_all(kept);
    unit::equal(client.text(), script_text);
}

void holds_nothing_that_is_known(void **) {
    unit::ReplayLender lender(64);
    KeptMessages kept(lender);
    Client client;
    for (int round = 0; round < 100; ++round) {
        add(kept, "x");
        client.take_all(kept);
        kept.acknowledge(client.received());
        unit::equal(kept.size(), 0);
        unit::equal(lender.lent, 0);
    }
    add_script(kept);
    unit::check(kept.size() > 9);
    unit::equal(kept.end() - kept.begin(), 9);
    client.take_all(kept);
    kept.acknowledge(kept.end());
    unit::equal(lender.lent, 0);
}

// However many there are, they take no memory.
void keeps_any_number_of_empty_messages(void **) {
    unit::ReplayLender lender(64);
    KeptMessages kept(lender);
    for (int i = 0; i < 1000; ++i) {
        add(kept, "");
    }
    unit::equal(lender.lent, 0);
    Client client;
    client.take_all(kept);
    unit::equal(client.text().size(), 2000);
    comes_back(kept, client);
    add(kept, "");
    client.take_all(kept);
    unit::equal(client.text().size(), 2002);
    add(kept, "x");
    client.take_all(kept);
    kept.acknowledge(1);
    unit::equal(kept.size(), 0);
    add(kept, "");
    KeptMessages::Piece piece{};
    unit::check(kept.next(1, ws::max_data, piece));
    unit::equal(piece.number, 1001);
}

void says_when_there_is_no_memory(void **) {
    unit::ReplayLender lender(16);
    {
        KeptMessages kept(lender);
        lender.most = 0;
        unit::check(!kept.append(unit::bytes("x"), false));
        unit::check(kept.append({}, true));
        lender.most = 1;
        unit::check(!kept.append(unit::bytes("x"), true));
    }
    unit::equal(lender.lent, 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sends_messages_as_they_are_added),
        cmocka_unit_test(sends_empty_messages_before_any_other),
        cmocka_unit_test(holds_a_byte_of_a_message_that_goes_on),
        cmocka_unit_test(cuts_long_messages),
        cmocka_unit_test(sends_again_what_was_not_acknowledged),
        cmocka_unit_test(goes_on_between_legs),
        cmocka_unit_test(goes_back_to_what_was_acknowledged),
        cmocka_unit_test(skips_what_the_client_has_after_all),
        cmocka_unit_test(holds_nothing_that_is_known),
        cmocka_unit_test(keeps_any_number_of_empty_messages),
        cmocka_unit_test(says_when_there_is_no_memory),
    };
    return unit::run("kept_messages", tests);
}
