#include "tools/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace jetcal::tools {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(200);
constexpr int kBarWidth = 20;

std::string time_left(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) { return "?"; }
  auto const s = static_cast<std::int64_t>(seconds);
  if (s < 60) { return fmt::format("{} s", s); }
  if (s < 3600) { return fmt::format("{}:{:02} min", s / 60, s % 60); }
  return fmt::format("{}:{:02} h", s / 3600, s / 60 % 60);
}

std::string number(double v, char const* form) {
  return std::isfinite(v) ? fmt::format(fmt::runtime(form), v) : std::string("-");
}

std::string number(Json const& v, char const* form) {
  return v.is_number() ? number(v.get<double>(), form) : std::string("-");
}

std::size_t columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) { return 80; }
  return size.ws_col;
}

/// "  within 1 % E 72 % m 90 %" of a line with a closure.
std::string closure_text(Json const& line) {
  auto const closure = line.find("closure");
  if (closure == line.end()) { return ""; }
  std::string text = "  bins within 1 %:";
  for (auto const& [variable, symbol] : {std::pair{"energy", "E"}, std::pair{"mass", "m"}}) {
    Json const& c = closure->at(variable);
    if (c.is_object() && c.at("within_1").is_number()) {
      text += fmt::format(" {} {:.0f} %", symbol, 100 * c.at("within_1").get<double>());
    } else {
      text += fmt::format(" {} -", symbol);
    }
  }
  return text;
}

void print(std::string const& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

}  // namespace

ProgressPrinter::ProgressPrinter() : terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressPrinter::~ProgressPrinter() { clear_bar(); }

void ProgressPrinter::note(std::string const& text) {
  clear_bar();
  print(text);
}

void ProgressPrinter::warning(std::string const& text) {
  clear_bar();
  print("warning: " + text);
}

void ProgressPrinter::progress(train::Progress const& p) {
  now_ = p;
  auto const now = std::chrono::steady_clock::now();
  if (!terminal_ || now - last_ < kRedraw) { return; }
  last_ = now;
  auto const filled = static_cast<int>(kBarWidth * p.update / std::max<std::int64_t>(1, p.updates));
  std::string const bar(static_cast<std::size_t>(filled), '#');
  std::string line = fmt::format(
      "step {}/{} [{:<{}}] epoch {}/{}  {:.0f} jets/s  loss E {} m {}  kept E {} m {}  {} left",
      p.step, p.steps, bar, kBarWidth, p.epoch, p.epochs, p.jets_per_s,
      number(p.loss_energy, "{:.3f}"), number(p.loss_mass, "{:.3f}"),
      number(p.kept_energy, "{:.3f}"), number(p.kept_mass, "{:.3f}"), time_left(p.seconds_left));
  line.resize(std::min(line.size(), columns() - 1));
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  bar_drawn_ = true;
}

void ProgressPrinter::epoch(Json const& line) {
  clear_bar();
  Json const& t = line.at("train");
  Json const& v = line.at("validation");
  print(fmt::format(
      "step {}/{} epoch {}: {} jets/s  loss E {} m {}  kept E {} m {}  held-out loss E {} m "
      "{}{}  {} left",
      line.at("step").get<std::int64_t>(), now_.steps, line.at("epoch").get<std::int64_t>(),
      number(line.at("jets_per_s"), "{:.0f}"), number(t.at("loss_energy"), "{:.4f}"),
      number(t.at("loss_mass"), "{:.4f}"), number(t.at("kept_energy"), "{:.3f}"),
      number(t.at("kept_mass"), "{:.3f}"), number(v.at("loss_energy"), "{:.4f}"),
      number(v.at("loss_mass"), "{:.4f}"), closure_text(line), time_left(now_.seconds_left)));
}

void ProgressPrinter::clear_bar() {
  if (bar_drawn_) { std::fprintf(stderr, "\r\033[K"); }
  bar_drawn_ = false;
}

}  // namespace jetcal::tools
