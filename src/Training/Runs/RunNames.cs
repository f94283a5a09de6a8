using System.Security.Cryptography;

namespace Granary.Training.Runs;

/// <summary>Ids for runs whose user has not chosen one.</summary>
public static class RunNames
{
    private const int LongestName = 60, Chance = 4;

    /// <summary>The path's last name, reduced to what an id may hold, and some random letters, so that no two runs share an id.</summary>
    public static string New(string path) => $"{Of(path)}-{RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", Chance)}";

    /// <summary>The path's last name, reduced to what an id may hold: the same for the same path.</summary>
    public static string Of(string path)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        var plain = string.Concat(name.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '.' ? letter : '-')).Trim('-', '_', '.');
        plain = plain.Length > LongestName ? plain[..LongestName] : plain;
        return plain.Length > 0 ? plain : "run";
    }
}
