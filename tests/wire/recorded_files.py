"""Recordings and pictures as phones and browsers send them, made by ffmpeg and sox."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_SOUND = "-f lavfi -i sine=frequency=440:duration=2:sample_rate=48000"
_FILM = "-f lavfi -i testsrc=size=64x64:rate=5:duration=2"
_NOISE = "-f lavfi -i nullsrc=size=260x260:duration=0.04,geq=random(1)*255:128:128"  # which no coder makes small
_FRAGMENTS = "-movflags frag_keyframe+empty_moov+default_base_moof"

# What is made of the sound, the film and the noise, by inputs 0, 1 and 2: in one process, which can go back in its files.
_FILES = {
    "seekable.webm": "-map 0 -c:a libopus",
    "vorbis.webm": "-map 0 -c:a libvorbis",
    "film.webm": "-map 0 -map 1 -c:a libopus -c:v libvpx",
    "firefox.ogg": "-map 0 -c:a libopus",
    "vorbis.ogg": "-map 0 -c:a libvorbis",
    "speex.ogg": "-map 0 -c:a libspeex -ar 16000",
    "flac.ogg": "-map 0 -c:a flac",
    "iphone.m4a": "-map 0 -c:a aac",
    "lossless.m4a": "-map 0 -c:a alac",
    "covered.m4a": "-map 0 -map 2 -frames:v 1 -c:a aac -c:v png -disposition:v attached_pic",
    "faststart.mp4": "-map 0 -c:a aac -movflags +faststart",
    "film.mp4": "-map 0 -map 1 -c:a aac -c:v mpeg4",
    "android.3gp": "-map 0 -c:a aac -ar 16000",
    "android.aac": "-map 0 -c:a aac",
    "quiet.aac": "-map 0 -c:a aac -ar 8000 -b:a 8k",
    "tagged.aac": "-map 0 -c:a aac -f adts -write_id3v2 1 -metadata title=a",
    "tagged.mp3": "-map 0 -c:a libmp3lame -metadata title=a",
    "bare.mp3": "-map 0 -c:a libmp3lame -id3v2_version 0 -write_xing 0",
    "both_tags.mp3": "-map 0 -c:a libmp3lame -write_id3v1 1 -metadata title=a",
    "variable.mp3": "-map 0 -c:a libmp3lame -q:a 4",
    "mpeg_2.mp3": "-map 0 -c:a libmp3lame -ar 16000 -b:a 24k",
    "mpeg_2_5.mp3": "-map 0 -c:a libmp3lame -ar 8000 -b:a 8k",
    "album.mp3": "-map 0 -map 2 -frames:v 1 -c:a libmp3lame -c:v png",
    "phone.wav": "-map 0",
    "float.wav": "-map 0 -c:a pcm_f32le",
    "adpcm.wav": "-map 0 -c:a adpcm_ms",
    "iphone.caf": "-map 0 -c:a pcm_s16le",
    "seekable.flac": "-map 0",
    "photo.png": "-map 2 -frames:v 1",
    "animated.png": "-map 1 -f apng -plays 0",
    "photo.jpg": "-map 2 -frames:v 1",
    "screen.gif": "-map 2 -frames:v 1",
    "animated.gif": "-map 1",
    "photo.webp": "-map 2 -frames:v 1 -c:v libwebp",
    "lossless.webp": "-map 2 -frames:v 1 -c:v libwebp -lossless 1",
    "animated.webp": "-map 1 -c:v libwebp_anim",
}
# Into a pipe: a recorder that cannot go back, so lengths are unknown, as in a browser.
_PIPED = {
    "chrome.webm": "-c:a libopus -live 1 -f webm",
    "safari.mp4": f"-c:a aac -f mp4 -brand iso5 {_FRAGMENTS} -frag_duration 500000",
    "frames.mp4": "-c:a aac -f mp4 -movflags frag_every_frame+empty_moov+default_base_moof",
    "browser.wav": "-f wav",
    "streamed.caf": "-c:a pcm_s16le -f caf",
    "streamed.flac": "-f flac",
    "silent.mp4": "-c:a aac -af volume=0 -f mp4 -movflags frag_every_frame+empty_moov+default_base_moof",
    "indexed.mp4": "-c:a aac -f mp4 -movflags dash+delay_moov -frag_duration 20000",
    "paged.ogg": "-c:a libopus -b:a 6k -af volume=0 -page_duration 1000 -f ogg",
    "streamed.ogg": "-c:a libopus -f ogg",
    "streamed.mp3": "-c:a libmp3lame -f mp3",
}
_SOX = {
    "sox.amr-nb": "-r 8000",
    "sox.ogg": "",
    "sox.wav": "",
    "law.wav": "-e u-law",
    "sox.caf": "",
    "sox.flac": "",
}

SENT_AS = {
    "webm": ("audio/webm", "audio/webm;codecs=opus", "video/webm"),
    "ogg": ("audio/ogg", "audio/ogg; codecs=opus", "application/ogg", "audio/opus"),
    "m4a": ("audio/mp4", "audio/x-m4a", "audio/m4a", "audio/mp4a-latm", "audio/aac"),
    "mp4": ("audio/mp4", "audio/mp4;codecs=mp4a.40.2", "video/mp4"),
    "3gp": ("audio/3gpp", "video/3gpp", "audio/3gpp2", "audio/mp4"),
    "aac": ("audio/aac", "audio/x-aac", "audio/aacp"),
    "mp3": ("audio/mpeg", "audio/mp3", "audio/x-mpeg"),
    "wav": ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
    "caf": ("audio/x-caf",),
    "flac": ("audio/flac", "audio/x-flac"),
    "amr-nb": ("audio/amr",),
    "png": ("image/png",),
    "jpg": ("image/jpeg", "image/jpg", "image/pjpeg"),
    "gif": ("image/gif",),
    "webp": ("image/webp",),
}
"""The types under which a device sends such a file, by the ending of its name."""

ONLY_AS_VIDEO = ("film.webm", "film.mp4")


def recorded(folder: Path) -> dict[str, bytes]:
    """All of them, by name. ``folder`` is empty."""
    outputs = [word for name, options in _FILES.items() for word in (*options.split(), str(folder / name))]
    _ran("ffmpeg", *_SOUND.split(), *_FILM.split(), *_NOISE.split(), *outputs, folder=folder)
    files = {name: (folder / name).read_bytes() for name in _FILES}
    for name, options in _PIPED.items():
        files[name] = _ran("ffmpeg", *_SOUND.split(), *options.split(), "pipe:1", folder=folder)
    _ran("sox", "-n", "-r", "16000", "-c", "1", "base.wav", "synth", "2", "sine", "300", folder=folder)
    for name, options in _SOX.items():
        _ran("sox", "base.wav", *options.split(), name, folder=folder)
        files[name] = (folder / name).read_bytes()
    files["sox_streamed.wav"] = _ran("sox", "base.wav", "-t", "wav", "-", folder=folder)
    files["exif.jpg"] = _with_exif(files["photo.jpg"])
    return files


def _with_exif(photo: bytes) -> bytes:
    """``photo`` with the segment that a camera writes, and a small picture in it."""
    content = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + photo[:30_000] + b"\xff\xd9"
    return photo[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content + photo[2:]


def _ran(program: str, *arguments: str, folder: Path) -> bytes:
    found = shutil.which(program)
    assert found is not None, f"{program} is not installed; scripts/setup --slow brings it"
    quiet = ("-hide_banner", "-loglevel", "error", "-nostdin") if program == "ffmpeg" else ()
    done = subprocess.run([found, *quiet, *arguments], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
