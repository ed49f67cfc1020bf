// What a session that can be resumed holds of a record: where it goes when memory for it runs out,
// and when the client goes. docs/resume-protocol.md, section 8.
#include "t/unit/ws_relay/resumed_messages.hpp"

using namespace std::string_view_literals;
using unit::bytes_command;
using unit::kept_messages;
using unit::number_command;
using unit::records;
using Session = unit::MessageSession;
using ws::Phase;
using ws::Tag;

namespace {

constexpr std::string_view normal = "\x03\xe8"sv;

void takes_all_memory(Session &session) {
    unit::check(session.loan.lend_memory());
    session.framer.hold_in({});
}

void hears_the_close_behind_a_record_without_memory(void **) {
    Session session(records);
    takes_all_memory(session);
    unit::ClientStream stream;
    stream.frame(unit::data, bytes_command(Tag::data, "whole"))
        .frame(unit::data, bytes_command(Tag::part, "lo"))
        .frame(unit::data, bytes_command(Tag::data, "st"))
        .frame(unit::data, number_command(Tag::empty, 0))
        .frame(unit::data, bytes_command(Tag::data, "too"))
        .frame(unit::close_frame, normal);
    session.client.says(stream.bytes());
    (void)session.turn_after(0);
    unit::equal(session.backend_gets(), "\5whole"sv);
    unit::check(session.client_gets().find("close 1013") != std::string::npos);
    unit::check(session.session.close_received());
    session.relay->release(session.now);
    unit::equal(session.relay->facts(session.now).undelivered_to_backend, 6 + 7);
}

// What was received waits in a buffer that is given back by then.
void hears_nothing_of_a_record_without_memory_again(void **) {
    ws::ResumeTerms what = kept_messages();
    what.limits.window = 1;
    Session session(records, what, 100);
    session.backend.takes = 0;
    const std::string held(60, 'x');
    const std::string known(33, 'y');
    unit::ClientStream stream;
    stream.frame(unit::data, bytes_command(Tag::data, held.substr(55)))
        .frame(unit::data, bytes_command(Tag::data, known))
        .frame(unit::data, bytes_command(Tag::part, "lost"));
    session.tells(Tag::part, held.substr(5)).client.says(stream.bytes());
    session.goes();
    session.framer.hold_in({});
    session.backend.takes = unit::unbounded;
    (void)session.turn_after(0);
    unit::check(session.client_gets().find("close 1013") != std::string::npos);
    session.tells(Tag::data, "more").client_says(normal, unit::close_frame);
    (void)session.turn_after(0);
    unit::check(session.session.close_received());
    unit::equal(session.backend_gets(), '<' + held + '!' + known);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(hears_the_close_behind_a_record_without_memory),
        cmocka_unit_test(hears_nothing_of_a_record_without_memory_again),
    };
    return unit::run("resumed_records", tests);
}
