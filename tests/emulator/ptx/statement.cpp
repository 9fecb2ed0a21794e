// Parses the body of a function: declarations, labels, instructions and their operands.
#include "tests/emulator/ptx/parser.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace emulator::ptx {
namespace {

bool begins_with(std::string const& text, char const* begin) { return text.rfind(begin, 0) == 0; }

std::vector<std::string> split_at_dots(std::string const& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (;;) {
    std::size_t const end = text.find('.', begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) { return parts; }
    begin = end + 1;
  }
}

}  // namespace

int Parser::find_register(std::string const& name) const {
  std::size_t digits = name.size();
  while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])) != 0) {
    --digits;
  }
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (auto const found = scope->registers.find(name); found != scope->registers.end()) {
      return found->second;
    }
    if (digits == name.size() || name.size() - digits > 9) { continue; }
    for (Scope::Range const& range : scope->ranges) {
      if (name.compare(0, digits, range.prefix) != 0) { continue; }
      int const index = std::stoi(name.substr(digits));
      if (index < range.count) { return range.first + index; }
    }
  }
  return -1;
}

void Parser::register_declaration() {
  std::string const type_name = word();
  Type const type = type_named(type_name.substr(1));
  if (type == Type::none || type == Type::B128) {
    fail("registers of type " + type_name + " are not supported by the emulator");
  }
  auto& registers = function_->registers;
  do {
    std::string const name = word();
    int const first = static_cast<int>(registers.size());
    if (eat("<")) {
      int const count = static_cast<int>(integer());
      need(">");
      scopes_.back().ranges.push_back({name, first, count});
      for (int i = 0; i < count; ++i) { registers.push_back({name + std::to_string(i), type}); }
    } else {
      scopes_.back().registers[name] = first;
      registers.push_back({name, type});
    }
  } while (eat(","));
  need(";");
}

void Parser::local_declaration(Space space) {
  for (Variable& v : variables(space)) {
    std::string const unique =
        scopes_.size() == 1 ? v.name : v.name + "#" + std::to_string(function_->variables.size());
    scopes_.back().symbols[v.name] = unique;
    v.name = unique;
    function_->variables.push_back(std::move(v));
  }
  need(";");
}

void Parser::body() {
  scopes_.assign(1, Scope{});
  location_ = 0;
  need("{");
  while (!scopes_.empty()) {
    if (ended()) { fail("the function " + function_->name + " has no end"); }
    std::string_view const text = peek().text;
    if (eat("}")) {
      scopes_.pop_back();
    } else if (eat("{")) {
      scopes_.emplace_back();
    } else if (text == ".reg") {
      next();
      register_declaration();
    } else if (text == ".local" || text == ".shared" || text == ".param") {
      next();
      local_declaration(text == ".local"    ? Space::local
                        : text == ".shared" ? Space::shared
                                            : Space::param);
    } else if (eat(".loc")) {
      location_ = location();
    } else if (eat(".pragma")) {
      while (!eat(";")) { word(); }
    } else if (text != "@" && peek(1).text == ":") {
      std::string const label = word();
      need(":");
      if (eat(".branchtargets")) {
        auto& targets = function_->branch_targets[label];
        do { targets.push_back(word()); } while (eat(","));
        need(";");
      } else {
        function_->labels[label] = static_cast<int>(function_->statements.size());
      }
    } else {
      statement();
    }
  }
}

void Parser::statement() {
  Statement s;
  s.line = peek().line;
  s.location = location_;
  std::size_t const begin = peek().begin;
  if (eat("@")) {
    s.guard_negated = eat("!");
    std::string const guard = word();
    s.guard = find_register(guard);
    if (s.guard < 0) { fail("the predicate " + guard + " is not declared"); }
  }
  s.opcode = split_at_dots(word());
  if (peek().text != ";") {
    do { s.operands.push_back(operand()); } while (eat(","));
  }
  s.text = text_.substr(begin, peek().begin - begin);
  for (char& c : s.text) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) { c = ' '; }
  }
  need(";");
  function_->statements.push_back(std::move(s));
}

std::vector<Operand> Parser::list_until(std::string_view end) {
  std::vector<Operand> list;
  while (!eat(end)) {
    eat(",");
    list.push_back(operand());
  }
  return list;
}

Operand Parser::number(std::string const& word, bool negative) {
  Operand o;
  o.kind = Operand::Kind::number;
  try {
    if (begins_with(word, "0f") || begins_with(word, "0F")) {
      o.number = std::stoull(word.substr(2), nullptr, 16);
      o.number_type = Type::F32;
    } else if (begins_with(word, "0d") || begins_with(word, "0D")) {
      o.number = std::stoull(word.substr(2), nullptr, 16);
      o.number_type = Type::F64;
    } else if (begins_with(word, "0b")) {
      o.number = std::stoull(word.substr(2), nullptr, 2);
    } else {
      o.number = std::stoull(word, nullptr, 0);
    }
  } catch (std::exception const&) { fail("'" + word + "' is no number"); }
  if (negative) {
    o.number = o.number_type == Type::F32   ? o.number ^ 0x80000000u
               : o.number_type == Type::F64 ? o.number ^ (u64(1) << 63)
                                            : ~o.number + 1;
  }
  return o;
}

Operand Parser::name(std::string const& word) {
  Operand o;
  o.reg = find_register(word);
  if (o.reg >= 0) {
    o.kind = Operand::Kind::reg;
    return o;
  }
  o.kind = word[0] == '%' ? Operand::Kind::special : Operand::Kind::symbol;
  o.name = word;
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (auto const found = scope->symbols.find(word); found != scope->symbols.end()) {
      o.name = found->second;
      break;
    }
  }
  return o;
}

Operand Parser::address() {
  Operand o;
  o.kind = Operand::Kind::address;
  bool const negative = eat("-");
  std::string const base = word();
  if (std::isdigit(static_cast<unsigned char>(base[0])) != 0) {
    o.offset = static_cast<s64>(number(base, negative).number);
  } else {
    Operand const named = name(base);
    if (named.kind == Operand::Kind::special) { fail("the register " + base + " is not declared"); }
    o.reg = named.reg;
    o.name = named.name;
  }
  if (eat("+")) { o.offset += integer(); }
  if (peek().text == "-") { o.offset += integer(); }
  need("]");
  return o;
}

Operand Parser::operand() {
  Operand o;
  if (eat("{")) {
    o.kind = Operand::Kind::list;
    o.list = list_until("}");
    return o;
  }
  if (eat("(")) {
    o.kind = Operand::Kind::list;
    o.list = list_until(")");
    return o;
  }
  if (eat("[")) { return address(); }
  if (eat("_")) { return o; }
  if (eat("!")) {
    o = operand();
    o.negated = true;
    return o;
  }
  bool const negative = eat("-");
  std::string const text = word();
  if (std::isdigit(static_cast<unsigned char>(text[0])) != 0) { return number(text, negative); }
  if (negative) { fail("a '-' in front of '" + text + "'"); }
  if (text == "WARP_SZ") { return number("32", false); }
  o = name(text);
  if (eat("|")) {
    std::string const second = word();
    o.second = find_register(second);
    if (o.second < 0 && second != "_") { fail("the predicate " + second + " is not declared"); }
  }
  if (o.kind == Operand::Kind::symbol && eat("+")) { o.offset = integer(); }
  return o;
}

}  // namespace emulator::ptx
