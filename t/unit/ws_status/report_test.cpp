#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_status/report.hpp"

#include <array>

using namespace std::string_view_literals;
using ws::Exposition;
using ws::Metric;
using ws::Text;

namespace {

class Written {
public:
    template <typename Write>
    explicit Written(Write write) {
        Text text(room_);
        write(text);
        unit::check(text.size() <= room_.size());
        size_ = text.size();
        Text measured;
        write(measured);
        unit::equal(measured.size(), size_);
    }

    [[nodiscard]] std::string_view text() const { return {room_.data(), size_}; }
    [[nodiscard]] bool has(std::string_view line) const {
        return text().find(line) != std::string_view::npos;
    }
    [[nodiscard]] bool ends(std::string_view line) const { return text().ends_with(line); }

private:
    std::array<char, 65536> room_;
    std::size_t size_;
};

// One zone, whose name needs care.
[[nodiscard]] Written told(const ws::Sums &sums, const ws::Sums &workers, Exposition format) {
    const ws::StatusZone zone = {.name = "a\"b\\c", .sums = &sums};
    return Written([&](Text &to) {
        ws::write({.version = "1.2.3", .zones = {&zone, 1}, .workers = &workers}, format, to);
    });
}

[[nodiscard]] Written json(const ws::Sums &sums, const ws::Sums &workers) {
    const ws::StatusZone zone = {.name = "a\"b", .sums = &sums};
    return Written([&](Text &to) {
        ws::write_json({.version = "1.2.3", .zones = {&zone, 1}, .workers = &workers}, to);
    });
}

struct Sample {
    ws::Sums zone;
    ws::Sums workers;

    Sample() {
        ws::Counters counters;
        counters.raise(Metric::sessions);
        counters.count(Metric::closes, ws::close_label(1001) * 3 + ws::label_of(ws::Side::gateway));
        counters.add(Metric::stalls, 1, 1005);
        counters.observe(Metric::connects, 7);
        counters.observe(Metric::connects, 20000);
        counters.set(Metric::held_buffers, 4);
        counters.add_to(zone, true);
        counters.add_to(workers, true);
    }
};

void text_has_help_type_and_samples(void **) {
    const Sample sample;
    const Written text = told(sample.zone, sample.workers, Exposition::text);
    unit::check(
        text.has("# HELP nginx_ws_sessions Sessions that are open.\n"
                 "# TYPE nginx_ws_sessions gauge\n"
                 "nginx_ws_sessions{zone=\"a\\\"b\\\\c\"} 1\n"));
    unit::check(text.has("# TYPE nginx_ws_closes_total counter\n"));
    unit::check(
        text.has("nginx_ws_closes_total{zone=\"a\\\"b\\\\c\",code=\"1001\",by=\"gateway\"} 1\n"));
    unit::check(text.has(",by=\"backend\"} 1.005\n"));
    unit::check(text.has("nginx_ws_held_buffers 4\n"));
    unit::check(text.has("nginx_ws_build_info{version=\"1.2.3\"} 1\n"));
    unit::check(!text.has("# EOF") && !text.has("# UNIT"));
}

void histograms_add_up(void **) {
    const Sample sample;
    const Written text = told(sample.zone, sample.workers, Exposition::text);
    const auto line = [&](std::string_view rest) {
        return Written([&](Text &to) { to.put("nginx_ws_connect_seconds").put(rest); });
    };
    for (const std::string_view rest :
         {"_bucket{zone=\"a\\\"b\\\\c\",le=\"0.005\"} 0\n"sv,
          "_bucket{zone=\"a\\\"b\\\\c\",le=\"0.01\"} 1\n"sv,
          "_bucket{zone=\"a\\\"b\\\\c\",le=\"10.0\"} 1\n"sv,
          "_bucket{zone=\"a\\\"b\\\\c\",le=\"+Inf\"} 2\n"sv,
          "_sum{zone=\"a\\\"b\\\\c\"} 20.007\n"sv, "_count{zone=\"a\\\"b\\\\c\"} 2\n"sv}) {
        unit::check(text.has(line(rest).text()));
    }
}

void open_metrics_names_families_without_their_suffix(void **) {
    const Sample sample;
    const Written text = told(sample.zone, sample.workers, Exposition::open_metrics);
    unit::check(text.has("# TYPE nginx_ws_closes counter\n"));
    unit::check(text.has("nginx_ws_closes_total{"));
    unit::check(
        text.has("# TYPE nginx_ws_stall_seconds counter\n"
                 "# UNIT nginx_ws_stall_seconds seconds\n"
                 "nginx_ws_stall_seconds_total{"));
    unit::check(text.has("# TYPE nginx_ws_build info\nnginx_ws_build_info{"));
    unit::check(text.ends("\n# EOF\n"));
}

void json_nests_labels(void **) {
    const Sample sample;
    const Written text = json(sample.zone, sample.workers);
    unit::check(text.text().starts_with("{\"version\":\"1.2.3\",\"worker\":{"));
    unit::check(text.has("\"zones\":{\"a\\\"b\":{\"sessions\":1,"));
    unit::check(text.has("\"1001\":{\"client\":0,\"backend\":0,\"gateway\":1}"));
    unit::check(text.has("\"stall_seconds\":{\"client\":0,\"backend\":1.005}"));
    unit::check(text.has("\"+Inf\":2},\"sum\":20.007,\"count\":2}"));
    unit::check(text.ends("}}}\n") || text.ends("}}\n"));
}

void without_zones_there_are_only_the_workers(void **) {
    const ws::Sums workers;
    const Written text(
        [&](Text &to) { ws::write_json({.version = "1", .zones = {}, .workers = &workers}, to); });
    unit::check(text.ends(",\"zones\":{}}\n"));
}

void a_room_that_is_too_small_is_filled_and_no_more(void **) {
    std::array<char, 4> room{'-', '-', '-', '-'};
    Text text(std::span{room}.first(3));
    text.put("ab").put("cd").put(std::uint64_t{17});
    unit::equal(text.size(), 6);
    unit::equal(std::string_view(room.data(), 4), "abc-");
}

void quotes_what_cannot_stand_in_a_string(void **) {
    const auto quoted = [](std::string_view text) {
        return Written([&](Text &to) { to.put_quoted(text); });
    };
    unit::equal(quoted("a\"b\\c").text(), "\"a\\\"b\\\\c\"");
    unit::equal(quoted("a\nb\x7f").text(), "\"a?b?\"");
    unit::equal(quoted("gr\xc3\xbc").text(), "\"gr\xc3\xbc\"");
    unit::equal(quoted("gr\xc3").text(), "\"gr?\"");
    unit::equal(quoted("gr\xffn").text(), "\"gr?n\"");
}

void seconds_have_milliseconds_only_where_there_are_any(void **) {
    const auto seconds = [](ws::Millis time) {
        return Written([&](Text &to) { to.put_seconds(time); });
    };
    unit::equal(seconds(0).text(), "0");
    unit::equal(seconds(12000).text(), "12");
    unit::equal(seconds(5).text(), "0.005");
    unit::equal(seconds(1230).text(), "1.230");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(text_has_help_type_and_samples),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(open_metrics_names_families_without_their_suffix),
        cmocka_unit_test(json_nests_labels),
        cmocka_unit_test(without_zones_there_are_only_the_workers),
        cmocka_unit_test(a_room_that_is_too_small_is_filled_and_no_more),
        cmocka_unit_test(quotes_what_cannot_stand_in_a_string),
        cmocka_unit_test(seconds_have_milliseconds_only_where_there_are_any),
    };
    return unit::run("report", tests);
}
