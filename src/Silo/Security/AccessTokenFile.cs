using System.Text;
using Granary.Training.Wording;

namespace Granary.Silo.Security;

/// <summary>The file of access tokens, a line each; empty lines and those that begin with # say nothing.</summary>
public static class AccessTokenFile
{
    /// <exception cref="UserErrorException">It is not there, cannot be read, or a line is no token.</exception>
    public static IReadOnlyList<AccessToken> Read(string path) => Parse(path, OwnFile.ReadText(path));

    /// <summary>Adds a token; makes the file, readable by its owner only, if it is not there.</summary>
    /// <exception cref="UserErrorException">The file cannot be written, or has one of this name.</exception>
    public static void Add(string path, AccessToken token)
    {
        var text = TextOf(path);
        if (Parse(path, text).Any(known => known.Name == token.Name))
        {
            throw new UserErrorException($"{path} has a token named '{token.Name}' already. Choose another name, or take that one back: granary token revoke {token.Name} --file {path}");
        }
        OwnFile.Write(path, $"{text}{(text.Length == 0 || text.EndsWith('\n') ? "" : "\n")}{token}\n");
    }

    /// <exception cref="UserErrorException">The file cannot be written, or has none of this name.</exception>
    public static void Remove(string path, string name)
    {
        var text = TextOf(path);
        if (Parse(path, text) is var known && known.All(token => token.Name != name))
        {
            throw new UserErrorException($"{path} has no token named '{Shown.Value(name)}'. It has: {(known.Count == 0 ? "none" : string.Join(", ", known.Select(token => token.Name)))}.");
        }
        OwnFile.Write(path, string.Concat(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => AccessToken.Parse(line)?.Name != name).Select(line => line + "\n")));
    }

    internal static IReadOnlyList<AccessToken> Parse(string path, byte[] content) => Parse(path, Encoding.UTF8.GetString(content));

    private static string TextOf(string path) => File.Exists(path) ? OwnFile.ReadText(path) : "";

    private static IReadOnlyList<AccessToken> Parse(string path, string text)
    {
        var tokens = new List<AccessToken>();
        foreach (var (number, line) in text.Split('\n').Select(line => line.Trim()).Index())
        {
            if (line.Length > 0 && line[0] != '#')
            {
                tokens.Add(AccessToken.Parse(line) ?? throw new UserErrorException($"Line {number + 1} of {path} is no token: each is a line that granary token create has written."));
            }
        }
        return tokens;
    }
}
