#include "checkpoint/containers/torch_file.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/utf8.h"
#include "checkpoint/containers/container.h"
#include "checkpoint/containers/pickle.h"
#include "checkpoint/containers/torch_state_dict.h"
#include "checkpoint/containers/weights.h"
#include "checkpoint/containers/zip_reader.h"

namespace costeff::checkpoint {
namespace {

// <root>/data.pkl, <root>/data/<key>, <root>/byteorder (since PyTorch 2.1), <root>/version, ...
void read_archive(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                  TensorSet* set) {
  const std::string& file = *set->file;
  const ZipArchive archive = parse_zip(bytes, file);
  const std::string_view first = archive.entries[0].name;
  const std::string root(first.substr(0, first.find('/')));

  for (const ZipEntry& e : archive.entries) {
    if (e.name == root + "/constants.pkl" || e.name.starts_with(root + "/code/")) {
      fail_model(
          "{}: a TorchScript archive (it has {}), expected a state dict: "
          "torch.save(model.state_dict(), ...)",
          file, printable(e.name, 100));
    }
  }
  const ZipEntry* object = archive.find(root + "/data.pkl");
  if (!object) {
    fail_model("{}: zip archive without {}/data.pkl, expected what torch.save writes", file,
               printable(root, 100));
  }
  if (const ZipEntry* order = archive.find(root + "/byteorder")) {
    check_crc(*order, file);
    if (as_text(order->data) != "little") {
      fail_model("{}: byteorder is \"{}\", expected \"little\"", file,
                 printable(as_text(order->data), 20));
    }
  }
  check_crc(*object, file);
  if (!archive.has_crcs) {
    set->notes.push_back(
        fmt::format("{}: written without CRC-32s: damaged weights would not be noticed", file));
  }
  const Pickle pickle =
      read_pickle(object->data, torch_globals(), file + ": " + printable(object->name, 200) + ": ");

  TorchStorages storages;
  storages.prefix = root + "/data/";
  for (const ZipEntry& e : archive.entries) {
    if (e.name.starts_with(storages.prefix)) {
      storages.by_key.emplace(e.name.substr(storages.prefix.size()), e.data);
    }
  }
  std::vector<ZipEntry> used;
  for (std::string_view key : add_state_dict(pickle, storages, bytes.size(), set)) {
    used.push_back(*archive.find(storages.prefix + std::string(key)));
  }
  set->check_bytes = [used = std::move(used), owner, name = set->file](const TensorSet& checked) {
    for (const ZipEntry& e : used) {
      check_crc(e, *name);
      checked.give_back(e.data);
    }
  };
}

// Five pickles: magic number, protocol, system info, the object, the storage keys. Then, key by
// key, an int64 element count and the elements.
constexpr std::array<uint8_t, 10> kMagic{0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                         0x20, 0x6a, 0xa8, 0x50, 0x19};  // 0x1950a86a20f9469cfc6c
constexpr int64_t kProtocol = 1001;

bool is_magic(const Pickle& p) {
  if (p.top.kind != PickleKind::long_integer) return false;
  const std::string_view found = p.text(p.top);
  return found == std::string_view(reinterpret_cast<const char*>(kMagic.data()), kMagic.size());
}

void check_system(const Pickle& p, const std::string& place) {
  if (p.top.kind != PickleKind::dict) {
    fail_model("{}is {}, expected a dict", place, p.describe(p.top));
  }
  for (const auto& [key, value] : p.dicts[static_cast<size_t>(p.top.at)]) {
    if (key.kind != PickleKind::string || p.text(key) != "little_endian") continue;
    if (value.kind != PickleKind::boolean || !value.at) {
      fail_model("{}little_endian is {}, expected True", place, p.describe(value));
    }
  }
}

void read_legacy(std::span<const std::byte> bytes, TensorSet* set) {
  const std::string& file = *set->file;
  uint64_t at = 0;
  const auto next = [&](const char* what) {
    Pickle p = read_pickle(bytes.subspan(at), torch_globals(), file + ": " + what + ": ");
    at += p.bytes.size();
    return p;
  };
  if (!is_magic(next("magic number"))) {
    fail_model(
        "{}: a pickle that does not begin with PyTorch's magic number, expected what torch.save "
        "writes",
        file);
  }
  const Pickle protocol = next("protocol version");
  if (protocol.top.kind != PickleKind::integer || protocol.top.at != kProtocol) {
    fail_model("{}: protocol version is {}, expected {}", file, protocol.describe(protocol.top),
               kProtocol);
  }
  check_system(next("system info"), file + ": system info: ");
  const Pickle object = next("state dict");
  const Pickle keys = next("storage keys");
  if (keys.top.kind != PickleKind::list) {
    fail_model("{}: storage keys are {}, expected a list", file, keys.describe(keys.top));
  }

  // Only the persistent ids tell the element size of a storage.
  std::unordered_map<std::string_view, StorageRef> known;
  for (size_t i = 0; i < object.persistents.size(); ++i) {
    const PickleValue storage{PickleKind::persistent, 0, static_cast<int64_t>(i)};
    const StorageRef ref = storage_ref(object, storage, file + ": state dict: ");
    known.emplace(ref.key, ref);
  }
  TorchStorages storages;
  storages.prefix = "";
  ByteReader reader(bytes, at);
  for (const PickleValue& key : keys.lists[static_cast<size_t>(keys.top.at)]) {
    const std::string name = keys.describe(key);
    const auto it = key.kind == PickleKind::string ? known.find(keys.text(key)) : known.end();
    if (it == known.end()) {
      fail_model("{}: storage keys: {}, which no tensor uses", file, name);
    }
    const StorageRef& ref = it->second;
    const std::string place = file + ": storage " + printable(ref.key, 100) + ": ";
    int64_t numel = 0, size = 0;
    std::span<const std::byte> data;
    if (!reader.get(&numel)) fail_model("{}the bytes end before its length (cut short?)", place);
    if (numel != ref.numel || !tensor_bytes({numel}, ref.dtype, &size)) {
      fail_model("{}its length is {}, expected {} as in the state dict", place, numel, ref.numel);
    }
    if (!reader.get_bytes(static_cast<uint64_t>(size), &data)) {
      fail_model("{}{} bytes are left, expected {} (cut short?)", place, reader.remaining(), size);
    }
    if (!storages.by_key.emplace(ref.key, data).second) fail_model("{}is there twice", place);
  }
  if (reader.remaining() != 0) {
    fail_model("{}: {} bytes after the last storage, expected none", file, reader.remaining());
  }
  add_state_dict(object, storages, bytes.size(), set);
}

}  // namespace

TensorSet parse_torch(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                      const std::string& file) {
  TensorSet set;
  set.file = std::make_shared<const std::string>(file);
  set.owners.push_back(owner);
  const std::string_view head = as_text(bytes.first(std::min<size_t>(bytes.size(), 4)));
  if (head.starts_with("PK")) {
    read_archive(bytes, owner, &set);
  } else if (head.starts_with("\x80")) {
    read_legacy(bytes, &set);
  } else {
    std::string foreign = foreign_content(bytes);
    if (foreign.empty() && bytes.size() > 8 && bytes[8] == std::byte{'{'}) {
      foreign = "looks like a safetensors file";
    }
    if (foreign.empty()) foreign = "begins with \"" + printable(head) + "\"";
    fail_model("{}: {}, expected what torch.save writes (a zip archive or a pickle)", file,
               foreign);
  }
  return set;
}

TensorSet read_torch(const std::string& path) {
  const auto file = MappedFile::open(path, ErrorKind::model);
  TensorSet set = parse_torch(file->bytes(), file, path);
  set.files.push_back(file);
  return set;
}

}  // namespace costeff::checkpoint
