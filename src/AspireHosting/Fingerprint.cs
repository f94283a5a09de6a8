using System.Security.Cryptography;
using System.Text;

namespace Granary.AspireHosting;

/// <summary>Hashes of texts.</summary>
internal static class Fingerprint
{
    public static string Whole(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Eight letters, enough to tell the app hosts of a machine apart.</summary>
    public static string Of(string text) => Whole(text)[..8];
}
