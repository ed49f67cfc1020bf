#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_resume/resume_names.hpp"

#include <initializer_list>

using namespace std::literals;
using ws::ResumeName;

namespace {

constexpr std::string_view own = "v1.resume.ngx-ws-filter";
constexpr std::string_view cloudproxy = "relay.tunnel.cloudproxy.app";

ResumeName chosen(std::initializer_list<std::string_view> offers, bool takes_v4 = true) {
    ws::ResumeChoice choice(takes_v4);
    for (const std::string_view offer : offers) {
        choice.offer(offer);
    }
    return choice.chosen();
}

void takes_each_name(void **) {
    unit::equal(chosen({own}), ResumeName::own);
    unit::equal(chosen({"ssh"}), ResumeName::ssh);
    unit::equal(chosen({cloudproxy}), ResumeName::cloudproxy);
}

void takes_nothing_else(void **) {
    unit::equal(chosen({}), ResumeName::none);
    unit::equal(chosen({""}), ResumeName::none);
    unit::equal(chosen({"mqtt, SSH, ssh2, V1.resume.ngx-ws-filter, v1.resume, relay.tunnel"}),
                ResumeName::none);
}

void takes_our_name_wherever_it_stands(void **) {
    unit::equal(chosen({"mqtt, ssh, v1.resume.ngx-ws-filter"}), ResumeName::own);
    unit::equal(chosen({"ssh", own}), ResumeName::own);
    unit::equal(chosen({own, "ssh", cloudproxy}), ResumeName::own);
}

void takes_the_first_name_of_v4(void **) {
    unit::equal(chosen({"mqtt,ssh", cloudproxy}), ResumeName::ssh);
    unit::equal(chosen({"relay.tunnel.cloudproxy.app,ssh"}), ResumeName::cloudproxy);
}

void takes_no_name_of_v4_where_messages_are_kept(void **) {
    unit::equal(chosen({"ssh", cloudproxy}, false), ResumeName::none);
    unit::equal(chosen({"ssh", own}, false), ResumeName::own);
}

// What is offered for the service, by the rules for any other request.
std::string_view service(const ws::ResumeChoice &resume, std::string_view offers,
                         std::span<const std::string_view> listed = {}) {
    ws::SubprotocolChoice choice(listed, resume.passed_over(!listed.empty()));
    choice.offer(offers);
    return choice.chosen();
}

void leaves_the_others_to_the_service(void **) {
    const ws::ResumeChoice all(true);
    unit::equal(service(all, "v1.resume.ngx-ws-filter, mqtt"), "mqtt");
    unit::equal(service(all, "ssh, relay.tunnel.cloudproxy.app, mqtt"), "mqtt");
    unit::equal(service(all, "ssh"), "");
    const ws::ResumeChoice ours(false);
    constexpr std::array<std::string_view, 2> listed = {"mqtt", "ssh"};
    unit::equal(service(ours, "v1.resume.ngx-ws-filter, ssh, mqtt"), "mqtt");
    unit::equal(service(ours, "ssh, relay.tunnel.cloudproxy.app"), "");
    unit::equal(service(ours, "v1.resume.ngx-ws-filter, ssh, mqtt", listed), "ssh");
    unit::equal(service(all, "ssh, mqtt", listed), "mqtt");
}

void knows_what_it_answers(void **) {
    unit::equal(text(ResumeName::none), "");
    unit::equal(text(ResumeName::own), own);
    unit::equal(text(ResumeName::ssh), "ssh");
    unit::equal(text(ResumeName::cloudproxy), cloudproxy);
}

void knows_whom_it_speaks_to(void **) {
    unit::check(!is_v4(ResumeName::none) && !is_v4(ResumeName::own));
    unit::check(is_v4(ResumeName::ssh) && is_v4(ResumeName::cloudproxy));
    unit::check(may_be_pinged(ResumeName::own) && may_be_pinged(ResumeName::ssh));
    unit::check(!may_be_pinged(ResumeName::cloudproxy));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_name),
        cmocka_unit_test(takes_nothing_else),
        cmocka_unit_test(takes_our_name_wherever_it_stands),
        cmocka_unit_test(takes_the_first_name_of_v4),
        cmocka_unit_test(takes_no_name_of_v4_where_messages_are_kept),
        cmocka_unit_test(leaves_the_others_to_the_service),
        cmocka_unit_test(knows_what_it_answers),
        cmocka_unit_test(knows_whom_it_speaks_to),
    };
    return unit::run("resume_names", tests);
}
