//! What keeps a source from nesting deeper than the stack allows.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::fault::Fault;

/// How deep an expression may nest. MiniJinja's parser bounds brackets but neither `not not …` nor long chains of
/// operators, and both of its trees and ours are walked by recursion: beyond this the stack is at stake.
const MAX_DEEP: usize = 100;
/// How deep `{% if %}` and `{% for %}` may nest; each `elif` counts.
const MAX_BLOCKS: usize = 40;
/// The longest source, in bytes.
const MAX_SOURCE: usize = 4 << 20;

/// Refuses what is nested so deep that a parser or a walk over the tree could run out of stack.
pub(super) fn guard(src: &str, in_expr: bool, syntax: &SyntaxConfig) -> Result<(), Fault> {
    if src.len() > MAX_SOURCE {
        return Err(Fault::new(format!("a text of more than {} MiB", MAX_SOURCE >> 20), 0..0));
    }
    // One number for each open bracket: how many tokens since its last comma could each nest one deeper.
    let mut open = vec![0_usize];
    let mut deep = 0_usize;
    // One number for each open block: itself and its `elif`s, which nest in the tree.
    let mut blocks: Vec<usize> = Vec::new();
    let mut at_keyword = false;
    for token in tokenize(src, in_expr, syntax.clone()) {
        // A fault of the lexer is reported by the parser, which knows more about it.
        let Ok((token, span)) = token else { return Ok(()) };
        let span = span.start_offset as usize..span.end_offset as usize;
        if std::mem::take(&mut at_keyword)
            && let Token::Ident(word) = token
        {
            match word {
                "elif" => blocks.last_mut().into_iter().for_each(|count| *count += 1),
                "else" | "set" | "include" | "import" | "extends" | "do" => {}
                word if word.starts_with("end") => drop(blocks.pop()),
                _ => blocks.push(1),
            }
            if blocks.iter().sum::<usize>() > MAX_BLOCKS {
                return Err(Fault::new("too many blocks one inside the other", span));
            }
            continue;
        }
        match token {
            Token::VariableStart | Token::BlockStart | Token::VariableEnd | Token::BlockEnd => {
                open = vec![0];
                deep = 0;
                at_keyword = matches!(token, Token::BlockStart);
            }
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                open.push(1);
                deep += 1;
            }
            // A closed bracket stays one operand of what it stands in: only the bracket itself counts on.
            Token::ParenClose | Token::BracketClose | Token::BraceClose if open.len() > 1 => {
                deep -= open.pop().unwrap_or(0);
                deep += 1;
                *open.last_mut().expect("the outermost level is never closed") += 1;
            }
            Token::Comma | Token::Colon => {
                let floor = usize::from(open.len() > 1);
                let level = open.last_mut().expect("the outermost level is never closed");
                deep -= std::mem::replace(level, floor) - floor;
            }
            Token::Ident("not" | "and" | "or" | "if" | "else" | "is" | "in")
            | Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::FloorDiv
            | Token::Pow
            | Token::Mod
            | Token::Dot
            | Token::Tilde
            | Token::Pipe
            | Token::Eq
            | Token::Ne
            | Token::Gt
            | Token::Gte
            | Token::Lt
            | Token::Lte => {
                deep += 1;
                *open.last_mut().expect("the outermost level is never closed") += 1;
            }
            _ => {}
        }
        if deep > MAX_DEEP {
            return Err(Fault::new("the expression is too long or nested too deep", span)
                .help("give a part of it a name with `let`"));
        }
    }
    Ok(())
}
