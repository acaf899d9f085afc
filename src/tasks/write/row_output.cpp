#include "tasks/write/row_output.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/fail.h"
#include "base/files/atomic_replace.h"
#include "base/files/file_bytes.h"
#include "base/utf8.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr double kKeepSeconds = 1;  // work that a kill or a power cut may cost
constexpr int kFormat = 2;

// The text as the note has it: bytes that are not UTF-8 are replaced.
std::string as_noted(std::string_view text) {
  std::string out;
  bool bad = false;
  for (size_t at = 0; at < text.size();) append_utf8(next_code_point(text, &at, &bad), &out);
  return out;
}

}  // namespace

ResumeFile::ResumeFile(const std::string& path, const Fingerprint& made_with)
    : target_(path), made_with_(made_with) {
  struct stat st {};
  if (path.empty()) throw_output("the output file has an empty name");
  if (path == "-" || path.starts_with("/dev/") || path.starts_with("/proc/")) {
    throw_usage("--resume needs --output FILE, to keep rows beside it");
  }
  if (::stat(path.c_str(), &st) == 0) {
    if (S_ISDIR(st.st_mode)) fail_output("{}: is a directory, expected a file", path);
    if (!S_ISREG(st.st_mode)) throw_usage("--resume needs a regular file as --output");
    if (::access(path.c_str(), W_OK) != 0) fail(path, errno);
    target_ = follow_links(path);
  }
  partial_ = target_ + ".partial";
  state_ = partial_ + ".json";
  open();
  try {
    read_state();
    keep_noted_bytes();
    found_ = rows_;
    is_new_ = bytes_ == 0;
    write_state();
  } catch (...) {
    ::close(fd_);
    fd_ = -1;
    throw;
  }
}

ResumeFile::~ResumeFile() {
  if (fd_ < 0) return;
  try {
    keep();
  } catch (...) {  // the rows are in the file; only their note is old
  }
  ::close(fd_);
}

void ResumeFile::fail(const std::string& path, int error) const {
  fail_output("{}: {}", path, std::strerror(error));
}

void ResumeFile::open() {
  do {
    fd_ = ::open(partial_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) fail(partial_, errno);
  struct stat st {};
  int error = 0;
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    fd_ = -1;
    fail_output("{}: another run is writing it", partial_);
  }
  if (::fstat(fd_, &st) != 0) error = errno;
  if (error == 0 && !S_ISREG(st.st_mode)) error = EINVAL;
  if (error == 0) return;
  ::close(fd_);
  fd_ = -1;
  fail(partial_, error);
}

// Sets bytes_ and rows_ to what is known to be there.
void ResumeFile::read_state() {
  struct stat st {};
  if (::fstat(fd_, &st) != 0) fail(partial_, errno);
  if (!file_exists(state_)) {
    if (st.st_size == 0) return;
    fail_usage("{} is there without {}, so that its contents are unknown; remove it to start anew",
               partial_, state_);
  }
  const std::string anew = fmt::format("; remove {} and {} to start anew", partial_, state_);
  const OrderedJson j =
      OrderedJson::parse(read_file(state_, ErrorKind::output, 1u << 20), nullptr, false);
  const bool ours = j.is_object() && j.value("format", OrderedJson()) == kFormat &&
                    j.value("bytes", OrderedJson()).is_number_unsigned() &&
                    j.value("rows", OrderedJson()).is_number_unsigned() &&
                    j.value("checksum", OrderedJson()).is_string() &&
                    j.value("made_with", OrderedJson()).is_object();
  if (!ours) fail_usage("{}: is not the note of an unfinished run{}", state_, anew);
  if (st.st_size == 0) return;  // nothing to go on with: the run begins anew
  const OrderedJson& before = j["made_with"];
  for (const auto& [name, value] : made_with_) {
    const auto it = before.find(name);
    const std::string old = it != before.end() && it->is_string() ? it->get<std::string>() : "";
    const std::string now = as_noted(value);
    if (it == before.end() || old != now) {
      fail_usage("{}: was begun with {} {}, this run has {}{}", partial_, name, printable(old, 200),
                 printable(now, 200), anew);
    }
  }
  if (before.size() != made_with_.size()) {
    fail_usage("{}: was begun by another version of this program{}", partial_, anew);
  }
  bytes_ = j["bytes"].get<int64_t>();
  rows_ = j["rows"].get<int64_t>();
  if (bytes_ < 0 || rows_ < 0 || bytes_ > st.st_size) {
    fail_usage("{}: has {} bytes, its note says {}{}", partial_, st.st_size, bytes_, anew);
  }
  if (hash_file_bytes(fd_, 0, bytes_, &hash_) < 0) fail(partial_, errno);
  if (hash_.text() != j["checksum"]) {
    fail_usage(
        "{}: its first {} bytes are not those that were written; it was changed or is damaged{}",
        partial_, bytes_, anew);
  }
}

// Drops the rows after the noted ones: they may be cut, or not ours. They are made again.
void ResumeFile::keep_noted_bytes() {
  if (::ftruncate(fd_, bytes_) != 0 || ::lseek(fd_, bytes_, SEEK_SET) < 0) fail(partial_, errno);
}

void ResumeFile::write(std::string_view bytes, int64_t rows) {
  if (bytes.empty()) return;
  if (!write_all(fd_, bytes)) {
    const int error = errno;
    // A full disk: removes the part of these rows that was written.
    if (::ftruncate(fd_, bytes_) == 0) (void)::lseek(fd_, bytes_, SEEK_SET);
    fail(partial_, error);
  }
  const bool first = bytes_ == 0;
  hash_.add(bytes);
  bytes_ += static_cast<int64_t>(bytes.size());
  rows_ += rows;
  is_new_ = false;
  // The header is noted at once: rows are counted after it.
  const auto now = std::chrono::steady_clock::now();
  if (first || std::chrono::duration<double>(now - kept_).count() >= kKeepSeconds) keep();
}

void ResumeFile::keep() {
  if (kept_bytes_ == bytes_) return;
  if (!sync_file(fd_)) fail(partial_, errno);
  write_state();
}

void ResumeFile::write_state() {
  std::string text;
  JsonWriter json(&text, 1);
  json.begin_object();
  json.field("format", kFormat);
  json.field("bytes", bytes_);
  json.field("rows", rows_);
  json.field("checksum", hash_.text());
  json.begin_object("made_with");
  for (const auto& [name, value] : made_with_) {
    json.key_text(name);
    json.value(value);
  }
  json.end_object();
  json.end_object();
  OutputFile file(state_);
  file.write(text + "\n");
  file.commit();
  kept_bytes_ = bytes_;
  kept_ = std::chrono::steady_clock::now();
}

void ResumeFile::commit() {
  keep();
  struct stat st {};
  if (::stat(target_.c_str(), &st) == 0) (void)::fchmod(fd_, st.st_mode & 0777);
  if (!rename_durably(partial_, target_)) fail(target_, errno);
  ::unlink(state_.c_str());
  ::close(fd_);
  fd_ = -1;
}

}  // namespace costeff::tasks
