#include "tasks/write/row_output.h"

#include <costeff/error.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file_bytes.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr double kKeepSeconds = 1;  // work that a kill or a power cut may cost
constexpr int kFormat = 2;

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

ResumeFile::ResumeFile(const std::string& path, const Fingerprint& made_with) : target_(path) {
  struct stat st {};
  if (path.empty()) throw_output("the output file has an empty name");
  if (path == "-" || path.starts_with("/dev/") || path.starts_with("/proc/")) {
    throw_usage("--resume needs --output FILE, to keep rows beside it");
  }
  if (::stat(path.c_str(), &st) == 0) {
    if (S_ISDIR(st.st_mode)) throw_output(path + ": is a directory, expected a file");
    if (!S_ISREG(st.st_mode)) throw_usage("--resume needs a regular file as --output");
    if (::access(path.c_str(), W_OK) != 0) fail(path, errno);
    if (char* real = ::realpath(path.c_str(), nullptr)) {
      target_ = real;
      std::free(real);
    }
  }
  partial_ = target_ + ".partial";
  state_ = partial_ + ".json";
  OrderedJson all = OrderedJson::object();
  for (const auto& [name, value] : made_with) all[name] = value;
  made_with_ = all.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  open();
  try {
    read_state(made_with);
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
  } catch (...) {  // the rows are in the file; only the note of them is old
  }
  ::close(fd_);
}

void ResumeFile::fail(const std::string& path, int error) const {
  throw_output(path + ": " + std::strerror(error));
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
    throw_output(partial_ + ": another run is writing it");
  }
  if (::fstat(fd_, &st) != 0) error = errno;
  if (error == 0 && !S_ISREG(st.st_mode)) error = EINVAL;
  if (error == 0) return;
  ::close(fd_);
  fd_ = -1;
  fail(partial_, error);
}

// Sets bytes_ and rows_ to what is surely there.
void ResumeFile::read_state(const Fingerprint& made_with) {
  struct stat st {};
  if (::fstat(fd_, &st) != 0) fail(partial_, errno);
  if (!file_exists(state_)) {
    if (st.st_size == 0) return;
    throw_usage(partial_ + " is there without " + state_ +
                ", so that nobody knows what it holds; remove it to start anew");
  }
  const std::string anew = "; remove " + partial_ + " and " + state_ + " to start anew";
  const OrderedJson j =
      OrderedJson::parse(read_file(state_, ErrorKind::output, 1u << 20), nullptr, false);
  const bool ours = j.is_object() && j.value("format", OrderedJson()) == kFormat &&
                    j.value("bytes", OrderedJson()).is_number_unsigned() &&
                    j.value("rows", OrderedJson()).is_number_unsigned() &&
                    j.value("checksum", OrderedJson()).is_string() &&
                    j.value("made_with", OrderedJson()).is_object();
  if (!ours) throw_usage(state_ + ": is not the note of an unfinished run" + anew);
  if (st.st_size == 0) return;  // nothing to go on with: whatever it was, it begins anew
  const OrderedJson& before = j["made_with"];
  for (const auto& [name, value] : made_with) {
    const auto it = before.find(name);
    const std::string old = it != before.end() && it->is_string() ? it->get<std::string>() : "";
    // As the file has it: bytes that are not UTF-8 were replaced.
    const std::string now = OrderedJson::parse(made_with_)[name];
    if (it == before.end() || old != now) {
      throw_usage(partial_ + ": was begun with " + name + " " + printable(old, 200) +
                  ", this run has " + printable(now, 200) + anew);
    }
  }
  if (before.size() != made_with.size()) {
    throw_usage(partial_ + ": was begun by another version of this program" + anew);
  }
  bytes_ = j["bytes"].get<int64_t>();
  rows_ = j["rows"].get<int64_t>();
  if (bytes_ < 0 || rows_ < 0 || bytes_ > st.st_size) {
    throw_usage(partial_ + ": has " + std::to_string(st.st_size) + " bytes, its note says " +
                std::to_string(bytes_) + anew);
  }
  if (hash_file_bytes(fd_, 0, bytes_, &hash_) < 0) fail(partial_, errno);
  if (hash_.text() != j["checksum"]) {
    throw_usage(partial_ + ": its first " + std::to_string(bytes_) +
                " bytes are not those that were written; it was changed or is damaged" + anew);
  }
}

// Rows after the noted ones are written again: nobody can say that they are whole, or ours.
void ResumeFile::keep_noted_bytes() {
  if (::ftruncate(fd_, bytes_) != 0 || ::lseek(fd_, bytes_, SEEK_SET) < 0) fail(partial_, errno);
}

void ResumeFile::write(std::string_view bytes, int64_t rows) {
  if (bytes.empty()) return;
  if (!write_all(fd_, bytes)) {
    const int error = errno;
    // A full disk: what was written of these rows goes again.
    if (::ftruncate(fd_, bytes_) == 0) (void)::lseek(fd_, bytes_, SEEK_SET);
    fail(partial_, error);
  }
  const bool first = bytes_ == 0;
  hash_.add(bytes);
  bytes_ += static_cast<int64_t>(bytes.size());
  rows_ += rows;
  is_new_ = false;
  // The header is noted at once: rows are counted from after it.
  const auto now = std::chrono::steady_clock::now();
  if (first || std::chrono::duration<double>(now - kept_).count() >= kKeepSeconds) keep();
}

void ResumeFile::keep() {
  if (kept_bytes_ == bytes_) return;
  if (::fsync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) fail(partial_, errno);
  write_state();
}

void ResumeFile::write_state() {
  OrderedJson j = {
      {"format", kFormat}, {"bytes", bytes_}, {"rows", rows_}, {"checksum", hash_.text()}};
  j["made_with"] = OrderedJson::parse(made_with_);
  OutputFile file(state_);
  file.write(j.dump(1) + "\n");
  file.commit();
  kept_bytes_ = bytes_;
  kept_ = std::chrono::steady_clock::now();
}

void ResumeFile::commit() {
  keep();
  struct stat st {};
  if (::stat(target_.c_str(), &st) == 0) (void)::fchmod(fd_, st.st_mode & 0777);
  if (::rename(partial_.c_str(), target_.c_str()) != 0) fail(target_, errno);
  ::unlink(state_.c_str());
  ::close(fd_);
  fd_ = -1;
  const std::string parent = std::filesystem::path(target_).parent_path().string();
  const int dir = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return;
  ::fsync(dir);
  ::close(dir);
}

}  // namespace costeff::tasks
