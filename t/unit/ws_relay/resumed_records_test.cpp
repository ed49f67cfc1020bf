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

// Nobody else would go on with it before the client comes back, which it may never do.
void whole_record_is_written_to_its_end_when_the_client_goes(void **) {
    const std::string message(100, 'x');
    for (const bool takes : {true, false}) {
        Session session(records, kept_messages(), 20);
        session.tells(Tag::part, message.substr(1)).tells(Tag::data, "x").goes();
        std::string got = session.backend_gets();
        unit::check(!got.empty() && got.size() < 101);
        session.tells(Tag::data, "late");
        session.backend.takes = takes ? unit::unbounded : 0;
        unit::check(session.relay->part(ws::CloseCode::abnormal, {}, session.now));
        session.is_in(Phase::detached);
        got += session.backend_gets();
        session.backend.takes = unit::unbounded;
        unit::equal(got == 'd' + message, takes);
        session.goes();
        got += session.backend_gets();
        unit::equal(got, 'd' + message);
        session.come_back(0);
        session.goes();
        unit::equal(session.second_gets().substr(0, 15), "reconnect 100; "sv);
        session.says(session.second, bytes_command(Tag::data, "next"));
        session.goes();
        unit::equal(session.backend_gets(), "\4next"sv);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(hears_the_close_behind_a_record_without_memory),
        cmocka_unit_test(hears_nothing_of_a_record_without_memory_again),
        cmocka_unit_test(whole_record_is_written_to_its_end_when_the_client_goes),
    };
    return unit::run("resumed_records", tests);
}
