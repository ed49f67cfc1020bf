#include "ngx_ws_filter/ws_status/report.hpp"

namespace ws {
namespace {

using Type = Family::Type;

[[nodiscard]] std::string_view name(Type type) noexcept {
    constexpr std::string_view names[] = {"gauge", "counter", "histogram"};
    return names[static_cast<unsigned>(type)];
}

// The samples of one family, in one of the two formats.
class Samples {
public:
    Samples(const Family &family, Exposition format, Text &to) noexcept
        : family_(&family), to_(&to), open_metrics_(format == Exposition::open_metrics) {}

    void write(const Report &report) noexcept {
        write_head();
        if (family_->of_worker) {
            write_zone({.name = {}, .sums = report.workers});
            return;
        }
        for (const StatusZone &zone : report.zones) {
            write_zone(zone);
        }
    }

private:
    void write_head() noexcept {
        const bool total = family_->type == Type::counter && !open_metrics_;
        const std::string_view suffix = total ? "_total" : "";
        to_->put("# HELP ").put(family_->name).put(suffix).put(" ").put(family_->help).put(".\n");
        to_->put("# TYPE ").put(family_->name).put(suffix).put(" ").put(name(family_->type));
        to_->put("\n");
        if (open_metrics_) {
            write_unit();
        }
    }

    void write_unit() noexcept {
        for (const std::string_view unit : {"seconds", "bytes"}) {
            if (family_->name.ends_with(unit)) {
                to_->put("# UNIT ").put(family_->name).put(" ").put(unit).put("\n");
            }
        }
    }

    void write_zone(const StatusZone &zone) noexcept {
        if (family_->type == Type::histogram) {
            write_histogram(zone);
            return;
        }
        const std::string_view suffix = family_->type == Type::counter ? "_total" : "";
        for (std::size_t i = 0; i < family_->cells(); ++i) {
            begin(suffix, zone);
            write_label(family_->outer, i / family_->inners());
            write_label(family_->inner, i % family_->inners());
            end(zone.sums->at(*family_, i), family_->counts_time());
        }
    }

    void write_histogram(const StatusZone &zone) noexcept {
        const std::span<const Bound> bounds = family_->bounds;
        std::uint64_t count = 0;
        for (std::size_t i = 0; i <= bounds.size(); ++i) {
            count += zone.sums->at(*family_, i);
            begin("_bucket", zone);
            write_label("le", i < bounds.size() ? bounds[i].text : "+Inf");
            end(count, false);
        }
        begin("_sum", zone);
        end(zone.sums->at(*family_, bounds.size() + 1), true);
        begin("_count", zone);
        end(count, false);
    }

    void begin(std::string_view suffix, const StatusZone &zone) noexcept {
        to_->put(family_->name).put(suffix);
        labelled_ = false;
        if (!family_->of_worker) {
            write_label("zone", zone.name);
        }
    }

    void write_label(const Label &label, std::size_t value) noexcept {
        if (!label.values.empty()) {
            write_label(label.name, label.values[value]);
        }
    }

    void write_label(std::string_view name, std::string_view value) noexcept {
        to_->put(labelled_ ? "," : "{").put(name).put("=").put_quoted(value);
        labelled_ = true;
    }

    void end(std::uint64_t value, bool time) noexcept {
        to_->put(labelled_ ? "} " : " ");
        (time ? to_->put_seconds(value) : to_->put(value)).put("\n");
    }

    const Family *family_;
    Text *to_;
    bool open_metrics_;
    bool labelled_ = false;  // the sample has a label already
};

void write_version(std::string_view version, Exposition format, Text &to) noexcept {
    const bool open_metrics = format == Exposition::open_metrics;
    to.put("# HELP nginx_ws_build").put(open_metrics ? "" : "_info");
    to.put(" The version of the module.\n# TYPE nginx_ws_build");
    to.put(open_metrics ? " info\n" : "_info gauge\n");
    to.put("nginx_ws_build_info{version=").put_quoted(version).put("} 1\n");
}

// --- JSON

// A place in an object or a list: puts what stands before it.
class Commas {
public:
    explicit Commas(Text &to) noexcept : to_(&to) {}

    Text &next() noexcept {
        to_->put(first_ ? "" : ",");
        first_ = false;
        return *to_;
    }
    Text &key(std::string_view name) noexcept { return next().put_quoted(name).put(":"); }

private:
    Text *to_;
    bool first_ = true;
};

void write_value(const Family &family, const Sums &sums, std::size_t cell, Text &to) noexcept {
    const std::uint64_t value = sums.at(family, cell);
    (void)(family.counts_time() ? to.put_seconds(value) : to.put(value));
}

void write_histogram(const Family &family, const Sums &sums, Text &to) noexcept {
    std::uint64_t count = 0;
    to.put("{\"buckets\":{");
    Commas buckets(to);
    for (std::size_t i = 0; i <= family.bounds.size(); ++i) {
        count += sums.at(family, i);
        const bool last = i == family.bounds.size();
        buckets.key(last ? "+Inf" : family.bounds[i].text).put(count);
    }
    to.put("},\"sum\":").put_seconds(sums.at(family, family.bounds.size() + 1));
    to.put(",\"count\":").put(count).put("}");
}

void write_labelled(const Family &family, const Sums &sums, Text &to) noexcept {
    to.put("{");
    Commas outers(to);
    for (std::size_t i = 0; i < family.outer.values.size(); ++i) {
        outers.key(family.outer.values[i]);
        if (family.inner.values.empty()) {
            write_value(family, sums, i, to);
            continue;
        }
        to.put("{");
        Commas inners(to);
        for (std::size_t k = 0; k < family.inners(); ++k) {
            inners.key(family.inner.values[k]);
            write_value(family, sums, i * family.inners() + k, to);
        }
        to.put("}");
    }
    to.put("}");
}

void write_sums(const Sums &sums, bool of_workers, Text &to) noexcept {
    constexpr std::string_view prefix = "nginx_ws_";
    to.put("{");
    Commas values(to);
    for (const Family &family : families) {
        if (family.of_worker != of_workers) {
            continue;
        }
        std::string_view name = family.name;
        name.remove_prefix(prefix.size());
        values.key(name);
        if (family.type == Type::histogram) {
            write_histogram(family, sums, to);
        } else if (family.outer.values.empty()) {
            write_value(family, sums, 0, to);
        } else {
            write_labelled(family, sums, to);
        }
    }
    to.put("}");
}

}  // namespace

void write(const Report &report, Exposition format, Text &to) noexcept {
    write_version(report.version, format, to);
    for (const Family &family : families) {
        Samples(family, format, to).write(report);
    }
    if (format == Exposition::open_metrics) {
        to.put("# EOF\n");
    }
}

void write_json(const Report &report, Text &to) noexcept {
    to.put("{\"version\":").put_quoted(report.version).put(",\"worker\":");
    write_sums(*report.workers, true, to);
    to.put(",\"zones\":{");
    Commas zones(to);
    for (const StatusZone &zone : report.zones) {
        zones.key(zone.name);
        write_sums(*zone.sums, false, to);
    }
    to.put("}}\n");
}

}  // namespace ws
