using Granary.Torch.Data.Texts;

namespace Granary.Models.Tests.Data;

public class WordSplitterTests
{
    [Theory]
    [InlineData("It's GREAT, isn't it?", "it 's great , is n't it ?")]
    [InlineData("(\"The movies' best...\")", "( \" the movies ' best ... \" )")]
    [InlineData("Mr. Smith lives in the U.S. now.", "mr. smith lives in the u.s. now .")]
    [InlineData("can’t\tdo\u00a0it!!!\u0001", "ca n't do it !!!")]
    [InlineData("'good' 'em", "' good ' 'em")]
    [InlineData("", "")]
    public void Text_AsPeopleWriteIt_IsWordsAndPunctuation(string text, string words) => Assert.Equal(words, Split(text));

    [Theory]
    [InlineData("it 's n't wo n't ca n't -- ... `` '' ` ' -lrb- -rrb- 're 've 'll 'd 'm 'em 'til 'n' 'n ol' '70s !? ?!? o'clock d'etre , . ! $")]
    public void Text_ThatIsSplitAlready_StaysAsItIs(string text) => Assert.Equal(text, Split(text));

    private static string Split(string text)
    {
        var words = new List<string>();
        WordSplitter.Split(text, words);
        return string.Join(' ', words);
    }
}
