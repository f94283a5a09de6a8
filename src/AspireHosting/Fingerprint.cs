using System.Security.Cryptography;
using System.Text;

namespace Granary.AspireHosting;

/// <summary>Hashes of texts.</summary>
internal static class Fingerprint
{
    public static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Eight letters, enough to tell the app hosts of a machine apart.</summary>
    public static string Short(string text) => Sha256(text)[..8];
}
