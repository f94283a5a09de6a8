using System.Security.Cryptography;
using System.Text;
using Granary.Training.Checkpoints;

namespace Granary.Tests.Fakes;

/// <summary>Makes checkpoints whose every hash is right and whose inside is not.</summary>
internal static class Forgery
{
    /// <summary>A manifest that vouches for the files as they are and for itself.</summary>
    /// <param name="change">Is given the text without its own hash.</param>
    public static void Sign(string directory, Func<string, string>? change = null)
    {
        var path = Path.Combine(directory, CheckpointManifest.FileName);
        var manifest = CheckpointManifest.Parse(File.ReadAllBytes(path), path);
        var files = manifest.Files.Keys.ToDictionary(name => name, name => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(directory, name)))));
        manifest = manifest with { Files = new(files, StringComparer.Ordinal) };
        File.WriteAllText(path, Signed(change is null ? Unsigned(manifest) : change(Unsigned(manifest))));
    }

    /// <returns>The text with the hash of itself in its place.</returns>
    public static string Signed(string unsigned) => unsigned.Replace(
        "\"sha256\": \"\"", $"\"sha256\": \"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(unsigned)))}\"", StringComparison.Ordinal);

    public static string Unsigned(CheckpointManifest manifest)
    {
        var text = Encoding.UTF8.GetString(manifest.ToBytes());
        return text.Replace(CheckpointManifest.Parse(manifest.ToBytes(), "").Sha256, "", StringComparison.Ordinal);
    }

    /// <summary>A safetensors file of this header, valid or not, and so many bytes of values.</summary>
    public static byte[] Safetensors(string header, int bytes, long? headerLength = null) =>
        [.. BitConverter.GetBytes(headerLength ?? Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. new byte[bytes]];
}
