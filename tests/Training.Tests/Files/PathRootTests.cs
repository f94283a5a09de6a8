using Granary.Training.Files;

namespace Granary.Training.Tests.Files;

public sealed class PathRootTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;
    private readonly PathRoot root;

    public PathRootTests()
    {
        Directory.CreateDirectory(In("root/a/b"));
        Directory.CreateDirectory(In("root-of-another"));
        Directory.CreateDirectory(In("outside"));
        root = new("Granary:Node:RunRoot", In("root"));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("first")]
    [InlineData("a/b/new/deeper")]
    [InlineData("./a//b/", "a/b")]
    [InlineData("läufe/été 日本")]
    [InlineData("..first")]
    [InlineData("a\\..\\b")]
    public void Name_BelowTheRoot_StandsForAWholePath(string name, string? expected = null) => Assert.Equal(In("root/" + (expected ?? name)), root.Resolve("output", name));

    [Theory]
    [InlineData("", "it takes 1 to")]
    [InlineData(".", "does not lead below")]
    [InlineData("..", "'..' may lead out of")]
    [InlineData("../../etc", "'..' may lead out of")]
    [InlineData("a/../../root-of-another", "'..' may lead out of")]
    [InlineData("a/b/..", "'..' may lead out of")]
    [InlineData("/etc", "paths are relative to")]
    [InlineData("//etc", "paths are relative to")]
    [InlineData("a\0b", "none of them a control character")]
    [InlineData("a\nb", "none of them a control character")]
    [InlineData("\u001b[2J", "'output' cannot be '?[2J'")]
    public void Name_ThatIsNoneOrLeadsOut_IsRefusedWithTheRootsNameAndTheCure(string name, string why)
    {
        var refused = Refusal(name);
        Assert.Contains(why, refused);
        Assert.DoesNotContain(refused, char.IsControl);
        Assert.True(why.Contains("takes") || refused.Contains("control character") || refused.Contains("Granary:Node:RunRoot"), refused);
    }

    [Fact]
    public void Name_FromTheRootOfTheFileSystemOn_IsRefusedWithWhatToWrite() => Assert.EndsWith("Write 'a/b'.", Refusal(In("root/a/b")));

    [Theory]
    [InlineData("root/out", "../outside", "out")]
    [InlineData("root/a/out", "../../outside", "a/out/x")]
    [InlineData("root/a/b/out", "/etc", "a/b/out/passwd")]
    [InlineData("root/gone", "../not-there-yet", "gone/x")]
    [InlineData("root/alike", "../root-of-another", "alike")]
    [InlineData("root/self", ".", "self")]
    [InlineData("root/round", "round", "round/x")]
    public void Link_ThatLeadsOut_IsRefused(string link, string target, string name)
    {
        File.CreateSymbolicLink(In(link), target);
        Assert.Contains("Granary:Node:RunRoot", Refusal(name));
    }

    [Fact]
    public void Links_OneAfterAnother_AreFollowedToTheirEnd()
    {
        File.CreateSymbolicLink(In("root/one"), "a/two");
        File.CreateSymbolicLink(In("root/a/two"), In("root/a/../b-is-here"));
        File.CreateSymbolicLink(In("root/b-is-here"), "a/b");
        Assert.Equal(In("root/a/b/x"), root.Resolve("output", "one/x"));
        File.Delete(In("root/b-is-here"));
        File.CreateSymbolicLink(In("root/b-is-here"), "../outside");
        Assert.Contains("does not lead below", Refusal("one/x"));
    }

    [Fact]
    public void Root_ThatIsItselfALink_IsWhereItLeads_AndKeepsItsName()
    {
        Directory.CreateSymbolicLink(In("link"), "root");
        var linked = new PathRoot("Granary:Node:RunRoot", In("link"));
        Assert.Equal(In("link/a/b"), linked.Resolve("output", "a/b"));
        Assert.Equal(In("link/a/b"), linked.Confirm("output", In("root/a/b")));
        Assert.Throws<PathRootException>(() => linked.Confirm("output", In("root-of-another/x")));
    }

    private string In(string name) => Path.Combine(folder, name);

    private string Refusal(string name) => Assert.Throws<PathRootException>(() => root.Resolve("output", name)).Message;
}
