using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Granary.Training.Wording;

namespace Granary.Silo.Security;

/// <summary>Who may come in, known by the hash of a secret.</summary>
/// <param name="Hash">SHA-256 of the token's UTF-8 text. The token is as random as the hash is long: nothing is gained by hashing slowly.</param>
public sealed partial record AccessToken(string Name, string Role, ReadOnlyMemory<byte> Hash, DateTimeOffset Created)
{
    // By it, programs that look for secrets in what is published find a token.
    private const string Prefix = "granary_";
    private const int SecretBytes = 32;

    /// <returns>The token, and its text, which nobody can tell from it any more.</returns>
    /// <exception cref="UserErrorException">The name cannot be one.</exception>
    public static (AccessToken Token, string Text) Create(string name, string role, DateTimeOffset now)
    {
        if (!NameForm().IsMatch(name))
        {
            throw new UserErrorException($"'{Shown.Value(name)}' cannot be a token's name: write 1 to 64 letters, digits, dots, dashes, underscores or @.");
        }
        var text = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
        return (new(name, role, HashOf(text), now), text);
    }

    public static byte[] HashOf(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    /// <summary>As it stands in a file: a line of name, role, hash and time.</summary>
    public override string ToString() => $"{Name} {Role} {Convert.ToHexStringLower(Hash.Span)} {Created.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}";

    /// <returns><see langword="null"/>: the line is none.</returns>
    internal static AccessToken? Parse(string line) =>
        line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var name, var role, var hash, var created]
        && NameForm().IsMatch(name) && Roles.All.Contains(role) && HashForm().IsMatch(hash)
        && DateTimeOffset.TryParseExact(created, "yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? new(name, role, Convert.FromHexString(hash), time)
            : null;

    [GeneratedRegex(@"^[A-Za-z0-9._@-]{1,64}\z")]
    private static partial Regex NameForm();

    [GeneratedRegex(@"^[0-9a-f]{64}\z")]
    private static partial Regex HashForm();
}
